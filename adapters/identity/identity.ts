/**
 * Who is who, by the operator's settings: JSON Web Tokens, keys, and last a hook of the operator's
 * own. What none of them knows is refused, and which of them refused it, and why, is told to nobody.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import {
  grantsOf,
  type IdentitySettings,
  type KeySettings,
} from '../../broker/identity-settings.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Grant, Principal } from '../../broker/model.ts';
import { resolveGrants } from '../../broker/permission.ts';
import type { Clock, Credentials, Identity, Log } from '../../broker/ports.ts';
import type { IdentityHook } from './hook.ts';
import type { Recognised, TokenReader } from './recognised.ts';
import { signerOf } from './signers.ts';

export interface IdentityWorld {
  readonly settings: IdentitySettings;
  readonly hook?: IdentityHook | undefined;
  /** Reads JSON Web Tokens; asked for when the first comes. */
  readonly tokens: () => Promise<TokenReader>;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
}

/** Longer names of tokens are cut, the same each time. */
const TOKEN_ID_MAX = 128;

export function makeIdentity(world: IdentityWorld): Identity {
  const { settings, hook, tokens, limits, log, clock } = world;
  const policy = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 8);
  const { anonymous } = settings;

  async function recognise(credentials: Credentials): Promise<Recognised | 'refused' | 'expired'> {
    const { token, login } = credentials;
    if (token === '' || Buffer.byteLength(token) > limits.tokenBytesMax) return 'refused';
    const key = keyOf(token, settings.keys);
    if (key !== undefined) {
      if (login !== undefined && login !== key.user) return 'refused';
      return { user: key.user, tokenId: key.id, claims: key.claims };
    }
    if (settings.tokens.length > 0 && isToken(token)) {
      const told = await (await tokens())(token);
      if (told !== 'refused') return told;
    }
    return (await hook?.(credentials)) ?? 'refused';
  }

  function principal(found: Recognised): Principal | 'refused' | 'expired' {
    const { user, tokenId, expiresAt } = found;
    if (user !== undefined && !isUserName(user, limits)) return refused('user-unusable');
    if (expiresAt !== undefined && expiresAt <= clock.now()) return 'expired';
    const grants = grantsFor(found);
    if (grants === undefined) return refused('too-many-grants');
    const named = { user, tokenId: tokenId?.slice(0, TOKEN_ID_MAX), expiresAt };
    const given = Object.entries(named).filter(([, value]) => value !== undefined);
    return { ...Object.fromEntries(given), grants, policy };
  }

  /** Undefined: more than a record may hold. */
  function grantsFor({ user, claims, grants: own = [] }: Recognised): readonly Grant[] | undefined {
    const { grantsClaim, permissions } = settings;
    const named = user === undefined ? { claims } : { user, claims };
    const resolved = resolveGrants(permissions, named, limits);
    if (resolved === undefined) return undefined;
    const told = grantsClaim === undefined ? undefined : claims[grantsClaim];
    const all = [...resolved, ...own, ...(told === undefined ? [] : grantsOf(told))];
    const bytes = Buffer.byteLength(JSON.stringify(all));
    return all.length > limits.grantsMax || bytes > limits.principalBytesMax ? undefined : all;
  }

  /** Good credentials that cannot be used are the operator's to mend. */
  function refused(reason: string): 'refused' {
    log.warn('identity-unusable', { reason });
    return 'refused';
  }

  function signed(signer: Parameters<typeof signerOf>[0]): Principal | 'refused' {
    const found = signerOf(signer);
    const told = found === undefined ? refused('signer-unknown') : principal(found);
    return told === 'expired' ? 'refused' : told;
  }

  const nobody = anonymous ? principal({ claims: {} }) : 'refused';
  return {
    policy,
    cookie: settings.cookie,
    anonymous: typeof nobody === 'string' ? undefined : nobody,
    ...(settings.iam ? { signed } : {}),
    async authenticate(credentials) {
      try {
        const found = await recognise(credentials);
        return typeof found === 'string' ? found : principal(found);
      } catch (cause) {
        // A hook or a key server that fails lets nobody in.
        log.error('identity-failed', cause);
        return 'refused';
      }
    },
  };
}

/** A compact JWS (RFC 7515 §7.1). */
function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
}

/** Every key is compared, each in constant time: how long it takes tells nothing. */
function keyOf(token: string, keys: readonly KeySettings[]): KeySettings | undefined {
  const digest = createHash('sha256').update(token).digest();
  let found: KeySettings | undefined;
  for (const key of keys) {
    if (timingSafeEqual(digest, Buffer.from(key.sha256, 'hex'))) found = key;
  }
  return found;
}

/** It is one name of a destination, `/user/{name}/…`, not what stands there for oneself, nor a guest's. */
function isUserName(user: string, { userBytesMax }: Limits): boolean {
  if (user === 'queue' || user === 'topic' || Buffer.byteLength(user) > userBytesMax) return false;
  return user !== '' && !user.startsWith('~') && !/[/*\p{Cc}]/u.test(user);
}
