/**
 * Who may come in, as the template ships it: `security.json` beside the bundle, if there is one, and
 * beside it `identity.mjs`, which reads it and whatever clients show.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { Shipped, ShippedWorld } from '../adapters/identity/shipped.ts';
import { makeDirectory } from '../broker/directory.ts';
import type { RateSettings } from '../broker/identity-settings.ts';
import type { Ports, Shelf } from '../broker/ports.ts';
import { makeRates } from '../broker/rates.ts';
import { makeRevocations } from '../broker/revocations.ts';
import { loadAsked, loadInvoke } from './applications.ts';

type Ship = typeof import('../adapters/identity/shipped.ts').ship;

/**
 * Unless the operator says otherwise: each message is paid for, and what sends faster is no honest
 * client. 4 MB are 128 of the gateway's largest frames.
 */
const RATES: RateSettings = { messagesPerSecond: 1000, bytesPerSecond: 4 * 1024 * 1024 };

/** Without the file, everybody may do everything. Throws in words for the operator. */
export async function loadShipped(
  folder: URL,
  world: Omit<ShippedWorld, 'invoke' | 'fetchSecret'>,
): Promise<Shipped> {
  const file = new URL('security.json', folder);
  if (!existsSync(file)) return {};
  const module: { readonly ship: Ship } = await import(new URL('identity.mjs', folder).href);
  const { variables } = world;
  let asking: ReturnType<typeof loadInvoke> | undefined;
  const invoke: ShippedWorld['invoke'] = async (name, request) => {
    asking ??= loadInvoke(folder, variables);
    return (await asking)(name, request);
  };
  const fetchSecret: ShippedWorld['fetchSecret'] = async (arn) =>
    (await loadAsked(folder)).secretFetcher(variables)(arn);
  return module.ship(JSON.parse(readFileSync(file, 'utf8')), {
    ...world,
    invoke,
    fetchSecret,
  });
}

/** What the core needs of it. `shelf` is made only where it is needed. */
export function guardPorts(
  { identity, origins, limits: rates }: Shipped,
  { clock, limits }: Pick<Ports, 'clock' | 'limits'>,
  shelf: () => Shelf,
): Pick<Ports, 'identity' | 'origins' | 'revocations' | 'directory' | 'rates'> {
  const named = {
    ...(origins && { origins: new Set(origins.map((origin) => origin.toLowerCase())) }),
    rates: makeRates({ ...RATES, ...rates }, clock),
  };
  if (identity === undefined) return { ...named };
  const kept = shelf();
  return {
    ...named,
    identity,
    revocations: makeRevocations(kept, clock, limits),
    directory: makeDirectory(kept, limits),
  };
}
