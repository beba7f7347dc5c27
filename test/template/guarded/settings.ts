/** Who may come in at the guarded broker of the journeys, in the form of both homes. */
import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { SecurityProps } from '../../../infra/security.ts';
import { ACCOUNT, REGION } from '../names.ts';

/** Shared with the issuer; on AWS in Secrets Manager under this ARN. */
export const SECRET = 'a-secret-of-the-journeys-that-is-long-enough';
export const SECRET_ARN = `arn:aws:secretsmanager:${REGION}:${ACCOUNT}:secret:journeys-AbCdEf`;
export const ADMINISTRATOR = 'a-long-random-key-of-an-administrator';
/** A program's. */
export const KEY = 'a-long-random-key-of-a-sensor';
export const ISSUER = 'https://issuer.example';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const GUARDED: Omit<SecurityProps, 'identity'> & {
  readonly identity: Pick<SecurityProps['identity'], 'keys'>;
} = {
  identity: { keys: [{ id: 'sensor', sha256: sha256(KEY), user: 'sensor' }] },
  permissions: [
    { pattern: '/room/{room}', actions: ['subscribe', 'publish', 'history', 'presence'] },
    { pattern: '/topic/{sub}.**', actions: ['subscribe', 'publish'] },
    { pattern: '/app/orders', actions: ['publish'] },
    { pattern: '/topic/readings', actions: ['publish'] },
  ],
  administration: { keys: [sha256(ADMINISTRATOR)] },
};

/** A good token of this user, for these rooms. */
export function tokenFor(user: string, rooms: readonly string[] = [], seconds = 600) {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const claims = { sub: user, rooms: [...rooms], iss: ISSUER, exp };
  return new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET));
}
