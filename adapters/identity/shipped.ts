/**
 * The entry of `identity.mjs`, shipped beside a bundle where identity is configured: all that reads
 * settings and tokens, so that who has none loads none of it.
 */

import { type DoorSettings, parseSecurity, SECURITY_KEYS } from '../../broker/identity-settings.ts';
import type { Credentials, Identity, Timer } from '../../broker/ports.ts';
import { fieldsOf } from '../../broker/settings.ts';
import { hookOf } from './hook.ts';
import { type IdentityWorld, makeIdentity } from './identity.ts';
import type { TokenReader } from './recognised.ts';
import { makeTokens } from './tokens.ts';

export interface Shipped extends Pick<DoorSettings, 'origins' | 'administration' | 'limits'> {
  readonly identity?: Identity;
}

export interface ShippedWorld extends Pick<IdentityWorld, 'clock' | 'limits' | 'log'> {
  readonly timer: Timer;
  /** Where secrets are, or the names of them, and the name of the hook's Lambda. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Reads a secret by its ARN. */
  readonly fetchSecret: (arn: string) => Promise<string>;
  /** Asks a Lambda. */
  readonly invoke: (name: string, request: Credentials) => Promise<unknown>;
}

/**
 * `json` is `security.json`. Throws in words for the operator. What reads tokens is made when the
 * first comes: a function that never sees one has no right to read secrets, and needs none.
 */
export function ship(json: unknown, world: ShippedWorld): Shipped {
  const { identity: settings, ...rest } = parseSecurity(
    fieldsOf(json, 'security.json', SECURITY_KEYS),
  );
  if (settings === undefined) return rest;
  let reader: TokenReader | undefined;
  const tokens = async () => {
    reader ??= makeTokens(settings, world);
    return reader;
  };
  const { hook: variable } = settings;
  const hook =
    variable === undefined
      ? undefined
      : hookOf(async (credentials) => {
          const name = world.variables[variable];
          if (!name) throw new Error(`the variable ${variable} must name the hook's Lambda`);
          return world.invoke(name, credentials);
        }, world);
  return { ...rest, identity: makeIdentity({ ...world, settings, hook, tokens }) };
}
