/**
 * JSON Web Tokens by `jose`: signature, issuer, audience and times. Only the algorithms the operator
 * named are tried, so `none`, and a public key taken for a shared secret, are refused.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import { JOSEError, JWKSTimeout, JWTExpired } from 'jose/errors';
import { createLocalJWKSet } from 'jose/jwks/local';
import { createRemoteJWKSet } from 'jose/jwks/remote';
import { jwtVerify } from 'jose/jwt/verify';
import type { IdentitySettings, TokenSettings } from '../../broker/identity-settings.ts';
import type { Clock } from '../../broker/ports.ts';
import type { Recognised, TokenReader } from './recognised.ts';
import { isSecretName, secretReader } from './secrets.ts';

/** Shorter can be guessed from one token (RFC 7518 §3.2: at least as long as the hash). */
const SECRET_BYTES_MIN = 32;
/** A key server that does not answer lets nobody wait longer. */
const JWKS_MILLISECONDS_MAX = 3_000;
/** Keys are asked for anew after this, and once for an unknown key id, but not more often than… */
const JWKS_AGE_MILLISECONDS = 600_000;
const JWKS_COOL_MILLISECONDS = 30_000;

interface TokensWorld {
  readonly clock: Clock;
  /** Where secrets are. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Reads a secret that a variable only names. Absent: variables hold secrets alone. */
  readonly fetchSecret?: (arn: string) => Promise<string>;
}

interface Verifier {
  readonly settings: TokenSettings;
  readonly key: JWTVerifyGetKey | KeyObject | Uint8Array;
}

/**
 * Throws in words where a secret is missing or too short, or a key is none. The reader it returns
 * throws where a token is believed by none, and a key server or a secret could not be read.
 */
export function makeTokens({ tokens }: IdentitySettings, world: TokensWorld): TokenReader {
  const verifiers = tokens.map((settings, index) => ({
    settings,
    key: keyOf(settings, world, `identity.tokens[${index}]`),
  }));
  return async (token) => {
    let expired = false;
    const faults: unknown[] = [];
    for (const verifier of verifiers) {
      try {
        const told = await verify(token, verifier, world.clock.now());
        if (typeof told !== 'string') return told;
        expired ||= told === 'expired';
      } catch (cause) {
        faults.push(cause);
      }
    }
    if (faults.length > 0) throw faults[0];
    return expired ? 'expired' : 'refused';
  };
}

async function verify(
  token: string,
  { settings, key }: Verifier,
  now: number,
): Promise<Recognised | 'refused' | 'expired'> {
  const { algorithms, issuer, audience, leewaySeconds, userClaim } = settings;
  const options = {
    algorithms: [...algorithms],
    clockTolerance: leewaySeconds,
    currentDate: new Date(now),
    requiredClaims: ['exp', userClaim],
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  try {
    const { payload } =
      typeof key === 'function'
        ? await jwtVerify(token, key, options)
        : await jwtVerify(token, key, options);
    return recognised(payload, settings);
  } catch (cause) {
    if (isFaultOfOurs(cause)) throw cause;
    return cause instanceof JWTExpired ? 'expired' : 'refused';
  }
}

/** A key server that is silent or broken, a secret that cannot be read: no word about the token. */
function isFaultOfOurs(cause: unknown): boolean {
  if (cause instanceof JWKSTimeout) return true;
  return !(cause instanceof JOSEError) || cause.code === 'ERR_JOSE_GENERIC';
}

function recognised(payload: JWTPayload, settings: TokenSettings): Recognised | 'refused' {
  const user = payload[settings.userClaim];
  if (typeof user !== 'string' || payload.exp === undefined) return 'refused';
  return {
    user,
    ...(typeof payload.jti === 'string' && payload.jti !== '' ? { tokenId: payload.jti } : {}),
    expiresAt: (payload.exp + settings.leewaySeconds) * 1000,
    claims: { ...payload },
  };
}

function keyOf(
  { jwksUrl, jwks, publicKey, secretVariable = '' }: TokenSettings,
  { variables, clock, fetchSecret }: TokensWorld,
  name: string,
): Verifier['key'] {
  if (jwksUrl !== undefined) {
    return createRemoteJWKSet(new URL(jwksUrl), {
      timeoutDuration: JWKS_MILLISECONDS_MAX,
      cooldownDuration: JWKS_COOL_MILLISECONDS,
      cacheMaxAge: JWKS_AGE_MILLISECONDS,
    });
  }
  if (jwks !== undefined) return createLocalJWKSet({ keys: [...jwks.keys] });
  if (publicKey !== undefined) return createPublicKey(publicKey);
  const value = variables[secretVariable] ?? '';
  const what = `${name}: ${secretVariable}`;
  if (fetchSecret === undefined || !isSecretName(value))
    return longEnough(Buffer.from(value), what);
  const read = secretReader(value, clock, fetchSecret);
  return async () => longEnough(await read(), what);
}

function longEnough(secret: Uint8Array, what: string): Uint8Array {
  if (secret.length >= SECRET_BYTES_MIN) return secret;
  throw new Error(`${what} must hold the secret, at least ${SECRET_BYTES_MIN} octets`);
}
