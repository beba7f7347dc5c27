/** Who may come in, as the operator's file says it, made ready for the handlers of this process. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hookOf, type IdentityHook } from '../adapters/identity/hook.ts';
import { makeIdentity } from '../adapters/identity/identity.ts';
import { systemClock, systemTimer } from '../adapters/system.ts';
import { makeDirectory } from '../broker/directory.ts';
import type { DoorSettings, RateSettings } from '../broker/identity-settings.ts';
import type { Limits } from '../broker/limits.ts';
import type { Applications, Identity, Log, Ports, Shelf } from '../broker/ports.ts';
import { makeRates } from '../broker/rates.ts';
import { makeRevocations } from '../broker/revocations.ts';
import { type ApplicationSettings, openApplications } from './applications.ts';

/** Who may come in, and what the operator's own code does. Plain data: given at birth. */
export interface SecuritySettings extends DoorSettings {
  readonly applications?: readonly ApplicationSettings[];
}

export interface Security {
  readonly identity?: Identity;
  readonly origins?: ReadonlySet<string>;
  readonly administration?: readonly string[];
  readonly applications?: Applications;
  readonly limits?: RateSettings;
}

/** Throws in words where a secret is missing or the hook is no module with a default function. */
export async function openSecurity(
  { identity: settings, origins, administration, applications, limits }: SecuritySettings,
  world: { readonly log: Log; readonly limits: Limits },
): Promise<Security> {
  const allowed = origins && new Set(origins.map((origin) => origin.toLowerCase()));
  const opened = await openApplications(applications ?? []);
  const named = {
    ...(opened === undefined ? {} : { applications: opened }),
    ...(limits === undefined ? {} : { limits }),
    ...(allowed === undefined ? {} : { origins: allowed }),
    ...(administration === undefined ? {} : { administration }),
  };
  if (settings === undefined) return named;
  if (settings.iam) throw new Error('identity.iam is for AWS: nobody checks signatures here');
  const { hook: file } = settings;
  const { makeTokens } = await import('../adapters/identity/tokens.ts');
  const hook = file === undefined ? undefined : await loadHook(file, world.limits);
  // Made at once: a missing secret fails the start, not the first client.
  const reader = makeTokens(settings, { clock: systemClock, variables: process.env });
  const tokens = async () => reader;
  return {
    ...named,
    identity: makeIdentity({ ...world, settings, hook, tokens, clock: systemClock }),
  };
}

/** What the core needs of it, over what is kept. */
export function securityPorts(
  { identity, origins, applications, limits: rates }: Security,
  shelf: Shelf,
  limits: Limits,
): Pick<Ports, 'identity' | 'origins' | 'revocations' | 'directory' | 'applications' | 'rates'> {
  return {
    ...(applications === undefined ? {} : { applications }),
    rates: makeRates(rates ?? {}, systemClock),
    ...(origins === undefined ? {} : { origins }),
    ...(identity === undefined
      ? {}
      : {
          identity,
          revocations: makeRevocations(shelf, systemClock, limits),
          directory: makeDirectory(shelf, limits),
        }),
  };
}

async function loadHook(file: string, limits: Limits): Promise<IdentityHook> {
  const module: { default?: unknown } = await import(pathToFileURL(resolve(file)).href);
  if (typeof module.default !== 'function') {
    throw new Error(`identity.hook ${file} must export a function by default`);
  }
  const ask = module.default;
  return hookOf(async (credentials) => ask(credentials), { timer: systemTimer, limits });
}
