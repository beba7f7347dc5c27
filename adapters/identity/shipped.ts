/**
 * The entry of `identity.mjs`, shipped beside a bundle where identity is configured: all that reads
 * settings and tokens, so that who has none loads none of it.
 */
import {
  type DoorSettings,
  fieldsOf,
  parseSecurity,
  SECURITY_KEYS,
} from '../../broker/identity-settings.ts';
import type { Identity } from '../../broker/ports.ts';
import { type IdentityWorld, makeIdentity } from './identity.ts';
import { makeTokens } from './tokens.ts';

export interface Shipped extends Pick<DoorSettings, 'origins' | 'administration' | 'limits'> {
  readonly identity?: Identity;
}

interface ShippedWorld extends Pick<IdentityWorld, 'clock' | 'limits' | 'log'> {
  /** Where secrets are. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** `json` is `security.json`. Throws in words for the operator. */
export function ship(json: unknown, world: ShippedWorld): Shipped {
  const { identity: settings, ...rest } = parseSecurity(
    fieldsOf(json, 'security.json', SECURITY_KEYS),
  );
  if (settings === undefined) return rest;
  const reader = makeTokens(settings, world);
  return { ...rest, identity: makeIdentity({ ...world, settings, tokens: async () => reader }) };
}
