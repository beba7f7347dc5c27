/**
 * Every identity × every door × every way a token may be wrong, over real sockets. Signed handshakes
 * have one door, on AWS alone: connect.test.ts.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { type Broker, startBroker } from '../../local/broker.ts';
import {
  CONDITIONS,
  type Condition,
  KINDS,
  settings,
  tokenFor,
  tokenOf,
} from '../identity/tokens.ts';
import { type Address, DOORS } from './doors.ts';

const ALL = [
  { pattern: '/**', actions: ['subscribe', 'publish', 'history', 'presence', 'consume'] },
];
const POOL = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example';
const CLIENT = '1example23456789';
const rsa = await generateKeyPair('RS256', { extractable: true });
const forger = await generateKeyPair('RS256');
const logged: string[] = [];
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (event: string, cause: unknown) => void logged.push(`${event} ${String(cause)}`),
};

let at: Address = { http: '', ws: '' };
let broker: Broker;
const keys = createServer(async (_, response) => {
  const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'pool-1', alg: 'RS256', use: 'sig' };
  response.end(JSON.stringify({ keys: [jwk] }));
});

beforeAll(async () => {
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  const base = await settings({ hook: 'test/security/hook.mjs' }, ALL);
  const cognito = {
    algorithms: ['RS256' as const],
    jwksUrl: `http://127.0.0.1:${(keys.address() as AddressInfo).port}/.well-known/jwks.json`,
    issuer: POOL,
    audience: CLIENT,
    leewaySeconds: 0,
    userClaim: 'cognito:username',
  };
  const identity = { ...base, tokens: [...base.tokens, cognito] };
  const security = { identity, origins: ['https://app.test'] };
  broker = await startBroker({ port: 0, memory: true, log, security });
  at = { http: `http://127.0.0.1:${broker.port}`, ws: `ws://127.0.0.1:${broker.port}` };
  // What the long poll is answered with.
  const headers = { Authorization: `Bearer ${await tokenFor('ann')}` };
  await fetch(`${at.http}/room/a`, { method: 'POST', headers, body: 'there' });
});

afterAll(async () => {
  await broker.close();
  keys.close();
});

/** As a user pool signs its ID tokens. */
async function cognitoToken(condition: Condition): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + (condition === 'expired' ? -10 : 600);
  const aud = condition === 'wrong audience' ? 'another-client' : CLIENT;
  const claims = { 'cognito:username': 'ann', token_use: 'id', iss: POOL, aud, exp };
  if (condition === 'alg none') return new UnsecuredJWT(claims).encode();
  const header = { alg: 'RS256', kid: 'pool-1' };
  const { privateKey } = condition === 'forged' ? forger : rsa;
  return new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
}

type Kind = (typeof KINDS)[number] | 'Cognito' | 'hook';
const ALL_KINDS: readonly Kind[] = [...KINDS, 'Cognito', 'hook'];

/** Undefined: there is no such token of this kind. */
async function made(kind: Kind, condition: Condition): Promise<string | undefined> {
  if (kind === 'Cognito') return cognitoToken(condition);
  return kind === 'hook' ? `hooked-${condition.replace(' ', '-')}` : tokenOf(kind, condition);
}

const CELLS = ALL_KINDS.flatMap((kind) =>
  CONDITIONS.filter(
    (condition) => kind !== 'key' || condition === 'good' || condition === 'forged',
  ).map((condition) => ({ kind, condition })),
);

describe.each([...DOORS])('%s', (_, { tells, show }) => {
  const refusal = tells === 'status' ? 'HTTP 401' : 'unauthenticated';

  test.each(CELLS)('$kind, $condition', async ({ kind, condition }) => {
    const token = await made(kind, condition);
    expect(token).toBeDefined();
    expect(await show(at, token)).toBe(condition === 'good' ? 'in' : refusal);
  });

  test('a hook that throws lets nobody in', async () => {
    expect(await show(at, 'hooked-throws')).toBe(refusal);
    expect(logged.splice(0).join()).toContain('the hook is broken');
  });

  test('missing', async () => {
    // Who shows nothing at a handshake may still do so at CONNECT, and is refused there.
    expect(['HTTP 401', 'unauthenticated']).toContain(await show(at, undefined));
  });
});

test('there are as many cells as are claimed', () => {
  expect([DOORS.size, CELLS.length, DOORS.size * (CELLS.length + 2)]).toEqual([21, 32, 714]);
});

test('nothing was logged of tokens that are merely bad', () => {
  expect(logged).toEqual([]);
});
