/** Every identity × every place a token may stand × every way it may be wrong, over real sockets. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startBroker } from '../../local/broker.ts';
import { PLACES, show, talk } from './talker.ts';
import { CONDITIONS, KINDS, publicJwk, settings, signed, tokenFor, tokenOf } from './tokens.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };
const ORIGINS = ['https://app.test'];
const closers: (() => Promise<void>)[] = [];

afterAll(async () => {
  for (const close of closers) await close();
});

async function serve(more: object = {}, origins: readonly string[] | 'any' = ORIGINS) {
  const identity = await settings(more);
  const security = { identity, ...(origins === 'any' ? {} : { origins }) };
  const broker = await startBroker({ port: 0, memory: true, log: SILENT, security });
  closers.push(() => broker.close());
  return `ws://127.0.0.1:${broker.port}/ws`;
}

describe('a token', () => {
  let url = '';
  beforeAll(async () => {
    url = await serve();
  });

  describe.each(KINDS)('of %s', (kind) => {
    describe.each(PLACES)('by %s', (place) => {
      test.each(CONDITIONS)('%s', async (condition) => {
        const token = await tokenOf(kind, condition);
        if (token === undefined) return;
        const atHandshake = !place.startsWith('STOMP') && !place.startsWith('JSON');
        const refusal = atHandshake ? 'HTTP 401' : 'unauthenticated, closed';
        expect(await show(url, place, token)).toBe(condition === 'good' ? 'in' : refusal);
      });
    });
  });

  test.each(PLACES)('missing by %s: told at CONNECT, and closed', async (place) => {
    expect(await show(url, place, undefined)).toBe('unauthenticated, closed');
  });

  test.each(['', 'a.b.c', '..', 'x'.repeat(7000), '%00', 'Bearer'])(
    '%#: no token at all',
    async (text) => {
      expect(await show(url, 'STOMP passcode', text)).toBe('unauthenticated, closed');
    },
  );
});

test('a client with the right to come in anonymously needs no token, and a bad one is refused', async () => {
  const url = await serve({ anonymous: true });
  expect(await show(url, 'STOMP passcode', undefined)).toBe('in');
  expect(await show(url, 'JSON passcode', undefined)).toBe('in');
  expect(await show(url, 'STOMP passcode', 'wrong')).toBe('unauthenticated, closed');
});

test('a key belongs to its user: another login with it is refused', async () => {
  const url = await serve();
  const token = await tokenOf('key', 'good');
  const talker = await talk(url, { protocols: ['v12.stomp'] });
  talker.ws.send(`CONNECT\naccept-version:1.2\nlogin:bob\npasscode:${token}\n\n\0`);
  expect(await talker.until('ERROR')).toContain('code:unauthenticated');
});

test('a cookie counts only where origins are named, and a page of another origin is refused', async () => {
  const good = await tokenOf('HS256', 'good');
  const open = await serve({}, 'any');
  expect(await show(open, 'cookie', good)).toBe('unauthenticated, closed');
  const url = await serve();
  const from = (origin: string) => talk(`${url}?token=${good}`, { headers: { Origin: origin } });
  await expect(from('https://evil.test')).rejects.toThrow('HTTP 403');
  (await from('https://app.test')).ws.terminate();
});

test('keys are fetched from a key server, and an unknown key is refused', async () => {
  const keys = createServer(async (_, response) => {
    response.end(JSON.stringify({ keys: [{ ...(await publicJwk()), kid: 'k1', alg: 'ES256' }] }));
  });
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  closers.push(async () => void keys.close());
  const jwksUrl = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  const url = await serve({ tokens: [{ algorithms: ['ES256'], jwksUrl }] });
  const exp = Math.floor(Date.now() / 1000) + 60;
  expect(await show(url, 'header', await signed({ sub: 'ann', exp }, 'ES256'))).toBe('in');
  expect(await show(url, 'header', await signed({ sub: 'ann', exp }, 'ES256', true))).toBe(
    'HTTP 401',
  );
});

test('a token without an end, or for a user who cannot be named, lets nobody in', async () => {
  const url = await serve();
  const endless = await signed(
    { sub: 'ann', iss: 'https://issuer.test', aud: 'stompway-test-HS256' },
    'HS256',
  );
  expect(await show(url, 'header', endless)).toBe('HTTP 401');
  for (const user of ['queue', 'a/b', '', '*', '~ann', 'x'.repeat(200)]) {
    expect(await show(url, 'header', await tokenFor(user))).toBe('HTTP 401');
  }
});

test('a live connection goes on with a fresh token, and not with another user’s', async () => {
  const url = await serve();
  const talker = await talk(`${url}?token=${await tokenFor('ann')}`, { protocols: ['v12.stomp'] });
  const connect = (token: string) =>
    talker.ws.send(`CONNECT\naccept-version:1.2\nreceipt:r\npasscode:${token}\n\n\0`);
  talker.ws.send('CONNECT\naccept-version:1.2\n\n\0');
  await talker.until('CONNECTED');
  connect(await tokenFor('ann', { jti: 'second' }));
  expect(await talker.until('RECEIPT')).toContain('receipt-id:r');
  connect(await tokenFor('bob'));
  expect(await talker.until('ERROR')).toContain('of another user');
  await talker.closed;
});
