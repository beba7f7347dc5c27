/** Tokens of every kind that is believed, and of every kind that must not be. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { exportJWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { type IdentitySettings, parseIdentity } from '../../broker/identity-settings.ts';

export const SECRET = randomBytes(48).toString('base64');
export const KEY = randomBytes(32).toString('base64url');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const AUDIENCE = 'stompway-test';
const ISSUER = 'https://issuer.test';

export const KINDS = ['HS256', 'RS256', 'ES256', 'JWKS', 'key'] as const;
export type Kind = (typeof KINDS)[number];
export const CONDITIONS = ['good', 'expired', 'forged', 'wrong audience', 'alg none'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** Of four kinds of token, with audiences of their own, and a key; `more` is merged in. */
export async function settings(
  more: object = {},
  permissions: unknown = [],
): Promise<IdentitySettings> {
  process.env['TEST_JWT_SECRET'] = SECRET;
  const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
  const common = (kind: Kind) => ({
    issuer: ISSUER,
    audience: `${AUDIENCE}-${kind}`,
    leeway: '0s',
  });
  const jwk = { ...(await exportJWK(ec.publicKey)), kid: 'k1', alg: 'ES256' };
  return parseIdentity(
    {
      tokens: [
        { algorithms: ['HS256'], secretVariable: 'TEST_JWT_SECRET', ...common('HS256') },
        { algorithms: ['RS256'], publicKey: pem(rsa.publicKey), ...common('RS256') },
        { algorithms: ['ES256'], publicKey: pem(ec.publicKey), ...common('ES256') },
        { algorithms: ['ES256'], jwks: { keys: [jwk] }, ...common('JWKS') },
      ],
      keys: [{ id: 'k', sha256: createHash('sha256').update(KEY).digest('hex'), user: 'ann' }],
      ...more,
    },
    permissions,
  );
}

export function publicJwk() {
  return exportJWK(ec.publicKey);
}

/** Undefined: a key has no such condition. */
export async function tokenOf(kind: Kind, condition: Condition): Promise<string | undefined> {
  if (kind === 'key') {
    if (condition === 'good') return KEY;
    return condition === 'forged' ? randomBytes(32).toString('base64url') : undefined;
  }
  const exp = Math.floor(Date.now() / 1000) + (condition === 'expired' ? -10 : 600);
  const aud = condition === 'wrong audience' ? 'somebody-else' : `${AUDIENCE}-${kind}`;
  const payload = { sub: 'ann', iss: ISSUER, aud, exp, jti: 't1' };
  if (condition === 'alg none') return new UnsecuredJWT(payload).encode();
  return signed(payload, kind, condition === 'forged');
}

export async function signed(payload: JWTPayload, kind: Kind, forged = false): Promise<string> {
  const alg = kind === 'JWKS' || kind === 'key' ? 'ES256' : kind;
  const key = {
    HS256: forged ? randomBytes(48) : Buffer.from(SECRET),
    RS256: forged ? otherRsa.privateKey : rsa.privateKey,
    ES256: forged ? other.privateKey : ec.privateKey,
  }[alg];
  return new SignJWT(payload).setProtectedHeader({ alg, kid: 'k1' }).sign(key);
}

/** A good one of this user, with claims. */
export async function tokenFor(
  user: string,
  claims: JWTPayload = {},
  seconds = 600,
  kind: Exclude<Kind, 'key'> = 'HS256',
): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const audience = `${AUDIENCE}-${kind}`;
  return signed({ iss: ISSUER, aud: audience, exp, sub: user, ...claims }, kind);
}
