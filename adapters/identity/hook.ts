/**
 * The operator's own word on who somebody is: a module on one machine, a Lambda on AWS. Whatever
 * goes wrong with it lets nobody in.
 */
import { grantsOf } from '../../broker/identity-settings.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Credentials, Timer } from '../../broker/ports.ts';
import type { Recognised } from './recognised.ts';

/** Undefined: it knows nobody by these credentials. */
export type IdentityHook = (credentials: Credentials) => Promise<Recognised | undefined>;

/** Throws where `ask` does, answers too late, or answers what is no answer. */
export function hookOf(
  ask: (credentials: Credentials) => unknown,
  { timer, limits }: { readonly timer: Timer; readonly limits: Limits },
): IdentityHook {
  return async (credentials) => {
    let stop: () => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      const milliseconds = limits.applicationSecondsMax * 1000;
      stop = timer.after(milliseconds, () => reject(new Error('identity.hook did not answer')));
    });
    try {
      return asRecognised(await Promise.race([ask(credentials), late]));
    } finally {
      stop();
    }
  };
}

/** The operator's own code, believed after a look at its shape. */
function asRecognised(value: unknown): Recognised | undefined {
  if (value === undefined || value === null || value === false) return undefined;
  if (typeof value !== 'object') throw new Error('identity.hook must answer an object or nothing');
  const fields = new Map<string, unknown>(Object.entries(value));
  const [user, tokenId] = [textOf(fields, 'user'), textOf(fields, 'tokenId')];
  if (user === undefined) throw new Error('identity.hook must answer whose the token is: user');
  const expiresAt = fields.get('expiresAt') ?? undefined;
  if (expiresAt !== undefined && (typeof expiresAt !== 'number' || !Number.isFinite(expiresAt))) {
    throw new Error('identity.hook must answer expiresAt in ms since 1970');
  }
  const claims = fields.get('claims') ?? {};
  if (typeof claims !== 'object') throw new Error('identity.hook must answer claims as an object');
  const grants = fields.get('grants') ?? undefined;
  return {
    user,
    ...(tokenId === undefined ? {} : { tokenId }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    claims: { ...claims },
    ...(grants === undefined ? {} : { grants: grantsOf(grants) }),
  };
}

function textOf(fields: ReadonlyMap<string, unknown>, key: string): string | undefined {
  const value = fields.get(key) ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw new Error(`identity.hook must answer ${key} as a text`);
}
