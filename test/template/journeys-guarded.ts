/**
 * What holds where the broker knows who its clients are: at the template runtime and at `npm start`,
 * with the settings of guarded/. Each journey opens its own connections and closes them.
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { ADMINISTRATOR, KEY, tokenFor } from './guarded/settings.ts';
import { refusedError, settled, within } from './journey.ts';
import { openPeer, type Peer, Refused } from './stomp-client.ts';

export interface GuardedPlace {
  /** The WebSocket's URL, without a query. */
  readonly url: string;
  readonly http: string;
}

export interface GuardedJourney {
  readonly name: string;
  run(place: GuardedPlace): Promise<void>;
}

const open = ({ url }: GuardedPlace, token?: string) =>
  openPeer(token === undefined ? url : `${url}?token=${token}`, ['v12.stomp']);

/** A connected client; `token` is shown at the handshake. */
async function entered(place: GuardedPlace, token: string): Promise<Peer> {
  const peer = await open(place, token);
  return connected(peer, {});
}

async function connected(peer: Peer, headers: Readonly<Record<string, string>>): Promise<Peer> {
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'h', ...headers });
  const answer = await peer.frame();
  equal(answer.command, 'CONNECTED', answer.headers['message']);
  return peer;
}

async function statusOf(place: GuardedPlace, token: string): Promise<number> {
  const refused = await open(place, token).catch((cause: unknown) => cause);
  ok(refused instanceof Refused, 'the handshake is refused');
  return refused.status;
}

function administer({ http }: GuardedPlace, method: string, path: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${ADMINISTRATOR}` };
  return fetch(http + path, { method, headers });
}

/** From a ban until nothing is delivered any more; the promise is 5 s on AWS, 2 s on one machine. */
const REVOKED_MILLISECONDS = 5_000;

export const GUARDED_JOURNEYS: readonly GuardedJourney[] = [
  {
    name: 'a token that is no good is refused at the handshake, and an old one too',
    run: async (place) => {
      equal(await statusOf(place, 'no-token'), 401);
      equal(await statusOf(place, `${await tokenFor('ann')}x`), 401);
      equal(await statusOf(place, await tokenFor('ann', [], -60)), 401);
    },
  },
  {
    name: 'at CONNECT a bad token ends the connection in words, as does none',
    run: async (place) => {
      for (const headers of [{ passcode: 'no-token' }, {}]) {
        const peer = await open(place);
        peer.send('CONNECT', { 'accept-version': '1.2', host: 'h', ...headers });
        await refusedError(peer, 'unauthenticated');
      }
    },
  },
  {
    name: 'a token at the handshake, one at CONNECT and a key at CONNECT let in',
    run: async (place) => {
      (await entered(place, await tokenFor('ann'))).close();
      const late = await open(place);
      (await connected(late, { passcode: await tokenFor('ann') })).close();
      const sensor = await connected(await open(place), { login: 'sensor', passcode: KEY });
      await settled(sensor, 'SEND', { destination: '/topic/readings' }, '21');
      sensor.close();
    },
  },
  {
    name: 'what is not permitted is forbidden, to hear and to say',
    run: async (place) => {
      const token = await tokenFor('ann', ['kitchen']);
      for (const destination of ['/room/cellar', '/topic/**', '/topic/bob.**', '/queue/x']) {
        const peer = await entered(place, token);
        peer.send('SUBSCRIBE', { id: '1', destination });
        await refusedError(peer, 'forbidden');
      }
      const peer = await entered(place, token);
      peer.send('SEND', { destination: '/room/cellar' }, 'x');
      await refusedError(peer, 'forbidden');
    },
  },
  {
    name: 'what is permitted is heard, in a room and on a topic',
    run: async (place) => {
      const ann = await entered(place, await tokenFor('ann', ['hall']));
      await settled(ann, 'SUBSCRIBE', { id: 'room', destination: '/room/hall' });
      await settled(ann, 'SUBSCRIBE', { id: 'own', destination: '/topic/ann.**' });
      ann.send('SEND', { destination: '/room/hall' }, 'in the hall');
      equal((await ann.frame()).body, 'in the hall');
      ann.send('SEND', { destination: '/topic/ann.notes' }, 'a note');
      equal((await ann.frame()).body, 'a note');
      ann.close();
    },
  },
  {
    name: 'a ban ends who is there within 5 s, nothing published later reaches him, and he stays out',
    run: async (place) => {
      const user = `bad-${process.pid}-${Date.now()}`;
      const room = `room-of-${user}`;
      const token = await tokenFor(user, [room]);
      const destination = `/room/${room}`;
      const [bad, good] = [
        await entered(place, token),
        await entered(place, await tokenFor(`${user}-not`, [room])),
      ];
      await settled(bad, 'SUBSCRIBE', { id: '1', destination });
      await settled(good, 'SUBSCRIBE', { id: '1', destination });
      good.send('SEND', { destination }, 'before');
      deepEqual([(await bad.frame()).body, (await good.frame()).body], ['before', 'before']);
      const began = Date.now();
      const { status } = await administer(place, 'DELETE', `/users/${user}?ban=1h`);
      equal(status, 200);
      await refusedError(bad, 'unauthenticated');
      ok(Date.now() - began < REVOKED_MILLISECONDS, `it took ${Date.now() - began} ms`);
      good.send('SEND', { destination }, 'after');
      equal((await good.frame()).body, 'after');
      good.close();
      // Who lets in has read the bans at most two seconds ago.
      const out = async (): Promise<number> => {
        try {
          (await open(place, token)).cut();
        } catch (cause) {
          if (cause instanceof Refused) return cause.status;
          throw cause;
        }
        if (Date.now() - began > REVOKED_MILLISECONDS) throw new Error('he is let in again');
        return out();
      };
      equal(await out(), 401);
      equal((await administer(place, 'DELETE', `/users/${user}?ban=off`)).status, 200);
    },
  },
  {
    name: 'administration is for whoever has the key, and tells who is there',
    run: async (place) => {
      const ann = await entered(place, await tokenFor('present'));
      const response = await administer(place, 'GET', '/connections?user=present');
      const { connections } = JSON.parse(await response.text());
      equal(connections.length, 1);
      equal((await fetch(`${place.http}/connections`)).status, 401);
      ann.close();
    },
  },
  {
    name: 'code of the operator’s own answers, publishes and refuses',
    run: async (place) => {
      const room = `orders-${process.pid}-${Date.now()}`;
      const ann = await entered(place, await tokenFor('ann', [room]));
      await settled(ann, 'SUBSCRIBE', { id: 'all', destination: `/room/${room}` });
      await settled(ann, 'SUBSCRIBE', { id: 'mine', destination: '/user/queue/replies' });
      const asked = { destination: '/app/orders', 'correlation-id': '7' };
      ann.send('SEND', asked, JSON.stringify({ item: 'tea', room }));
      const heard = [await ann.frame(), await ann.frame()];
      const of = (id: string) => heard.find(({ headers }) => headers['subscription'] === id);
      equal(of('all')?.body, '/app/orders: tea');
      deepEqual(JSON.parse(of('mine')?.body ?? ''), { ordered: 'tea', by: 'ann' });
      equal(of('mine')?.headers['correlation-id'], '7');
      ann.send('SEND', asked, '{}');
      const refused = await ann.frame();
      equal(refused.headers['code'], 'forbidden');
      match(refused.headers['message'] ?? '', /An order names an item/);
      await ann.closed();
    },
  },
  {
    name: 'a hook before SUBSCRIBE refuses in words what permissions allow',
    run: async (place) => {
      const ann = await entered(place, await tokenFor('ann', ['attic']));
      ann.send('SUBSCRIBE', { id: '1', destination: '/room/attic' });
      const refused = await ann.frame();
      equal(refused.headers['code'], 'forbidden');
      match(refused.headers['message'] ?? '', /The attic is closed/);
      await ann.closed();
    },
  },
  {
    name: 'who knows no token asks the operator’s own code, whose word counts, and none if it breaks',
    run: async (place) => {
      const guest = await entered(place, 'known-to-the-hook');
      await settled(guest, 'SUBSCRIBE', { id: '1', destination: '/topic/hooked.a' });
      guest.send('SEND', { destination: '/topic/hooked.a' }, 'let in');
      equal((await within('the message', guest.frame())).body, 'let in');
      guest.send('SUBSCRIBE', { id: '2', destination: '/room/hall' });
      await refusedError(guest, 'forbidden');
      equal(await statusOf(place, 'known-to-the-hook-but-broken'), 401);
    },
  },
];
