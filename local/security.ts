/** Who may come in, as the operator's file says it, made ready for the handlers of this process. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type IdentityHook, makeIdentity } from '../adapters/identity/identity.ts';
import { systemClock } from '../adapters/system.ts';
import { makeDirectory } from '../broker/directory.ts';
import { type DoorSettings, grantsOf, type RateSettings } from '../broker/identity-settings.ts';
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
  const { hook: file } = settings;
  const { makeTokens } = await import('../adapters/identity/tokens.ts');
  const hook = file === undefined ? undefined : await loadHook(file);
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
    ...(rates === undefined ? {} : { rates: makeRates(rates, systemClock) }),
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

async function loadHook(file: string): Promise<IdentityHook> {
  const module: { default?: unknown } = await import(pathToFileURL(resolve(file)).href);
  if (typeof module.default !== 'function') {
    throw new Error(`identity.hook ${file} must export a function by default`);
  }
  const hook = module.default;
  return async (credentials) => asRecognised(await hook(credentials));
}

/** The operator's own code, believed after a look at its shape. */
function asRecognised(value: unknown): Awaited<ReturnType<IdentityHook>> {
  if (value === undefined || value === null || value === false) return undefined;
  if (typeof value !== 'object') throw new Error('identity.hook must answer an object or nothing');
  const fields = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string | undefined => {
    const field = fields.get(name);
    return typeof field === 'string' ? field : undefined;
  };
  const [user, tokenId, expiresAt] = [text('user'), text('tokenId'), fields.get('expiresAt')];
  const claims = fields.get('claims');
  return {
    ...(user === undefined ? {} : { user }),
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(typeof expiresAt === 'number' ? { expiresAt } : {}),
    claims: typeof claims === 'object' && claims !== null ? { ...claims } : {},
    ...(fields.get('grants') === undefined ? {} : { grants: grantsOf(fields.get('grants')) }),
  };
}
