/** The journeys of the acceptance suite. Each opens its own connections and closes them. */
import { deepEqual, equal, match, notEqual, ok } from 'node:assert/strict';
import { type Journey, refusedError, settled, withPair, withStomp } from './journey.ts';
import { AUDIENCE_JOURNEYS } from './journeys-audience.ts';
import { HTTP_JOURNEYS } from './journeys-http.ts';
import { LARGE_JOURNEYS } from './journeys-large.ts';
import { PROTOCOL_JOURNEYS } from './journeys-protocol.ts';
import { QUEUE_JOURNEYS } from './journeys-queues.ts';
import { ROOM_JOURNEYS } from './journeys-rooms.ts';
import { SOCKETIO_JOURNEYS } from './journeys-socketio.ts';
import { SOCKJS_JOURNEYS } from './journeys-sockjs.ts';
import { TRANSACTION_JOURNEYS } from './journeys-transactions.ts';
import { Refused } from './stomp-client.ts';

export const JOURNEYS: readonly Journey[] = [
  {
    name: 'CONNECT is answered with the version, a heart-beat and a session',
    run: ({ open }) =>
      withStomp(open, async (peer, { headers }) => {
        equal(peer.protocol, 'v12.stomp');
        equal(headers['version'], '1.2');
        match(headers['server'] ?? '', /^stompway\//);
        match(headers['heart-beat'] ?? '', /^0,\d+$/);
        ok((headers['session'] ?? '').length >= 16);
      }),
  },
  {
    name: 'a message reaches its subscriber, with its headers and body',
    run: (place) =>
      withPair(place, async (subscriber, publisher) => {
        const sent = { destination: place.topic, 'content-type': 'text/plain', colour: 'a\\cb' };
        publisher.send('SEND', sent, 'grüß dich');
        const { command, headers, body } = await subscriber.frame();
        equal(command, 'MESSAGE');
        equal(headers['subscription'], 'sub-0');
        equal(headers['destination'], place.topic);
        equal(headers['content-type'], 'text/plain');
        equal(headers['colour'], 'a:b');
        match(headers['message-id'] ?? '', /^[0-9A-Za-z-]+$/);
        equal(body, 'grüß dich');
      }),
  },
  {
    name: 'a publisher that subscribed hears itself',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: 'own', destination: topic });
        peer.send('SEND', { destination: topic }, 'echo');
        equal((await peer.frame()).body, 'echo');
      }),
  },
  {
    name: 'two subscriptions of one connection get a copy each',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: 'one', destination: topic });
        await settled(peer, 'SUBSCRIBE', { id: 'two', destination: topic });
        peer.send('SEND', { destination: topic }, 'twice');
        const got = [await peer.frame(), await peer.frame()];
        deepEqual(got.map(({ headers }) => headers['subscription']).sort(), ['one', 'two']);
      }),
  },
  {
    name: 'patterns: * is one segment and ** any number',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: 'star', destination: `${topic}.*.new` });
        await settled(peer, 'SUBSCRIBE', { id: 'all', destination: `${topic}.**` });
        peer.send('SEND', { destination: `${topic}.eu.old` }, 'old');
        equal((await peer.frame()).headers['subscription'], 'all');
        peer.send('SEND', { destination: `${topic}.eu.new` }, 'new');
        const both = [await peer.frame(), await peer.frame()];
        deepEqual(both.map(({ headers }) => headers['subscription']).sort(), ['all', 'star']);
      }),
  },
  {
    name: 'after the RECEIPT of UNSUBSCRIBE nothing comes any more',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: 'gone', destination: topic });
        await settled(peer, 'UNSUBSCRIBE', { id: 'gone' });
        await settled(peer, 'SEND', { destination: topic }, 'unheard');
        await settled(peer, 'SUBSCRIBE', { id: 'back', destination: topic });
        peer.send('SEND', { destination: topic }, 'heard');
        equal((await peer.frame()).body, 'heard');
      }),
  },
  {
    name: 'a command before CONNECT is refused in words, and ends the connection',
    run: async ({ open, topic }) => {
      const peer = await open(['v12.stomp']);
      peer.send('SEND', { destination: topic }, 'too early');
      await refusedError(peer, 'not-connected');
    },
  },
  {
    name: 'a destination that cannot be is refused in words',
    run: ({ open }) =>
      withStomp(open, async (peer) => {
        peer.send('SUBSCRIBE', { id: '1', destination: 'nowhere' });
        await refusedError(peer, 'destination-invalid');
      }),
  },
  {
    name: 'what is no frame is refused in words',
    run: async ({ open }) => {
      const peer = await open(['v12.stomp']);
      peer.sendText('NONSENSE\n\n\0');
      equal((await peer.frame()).command, 'ERROR');
      await peer.closed();
    },
  },
  {
    name: 'DISCONNECT is answered with its RECEIPT and the end',
    run: ({ open }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'DISCONNECT', {});
        await peer.closed();
      }),
  },
  {
    name: 'sub-protocols: the highest known is echoed, none known is refused with 400',
    run: async ({ open }) => {
      const peer = await open(['v10.stomp', 'v11.stomp', 'v12.stomp']);
      equal(peer.protocol, 'v12.stomp');
      peer.close();
      const refused = await open(['soap']).catch((cause: unknown) => cause);
      ok(refused instanceof Refused);
      equal(refused.status, 400);
    },
  },
  {
    name: 'a path behind the stage is refused with 403',
    run: async ({ open }) => {
      const refused = await open([], '/more').catch((cause: unknown) => cause);
      ok(refused instanceof Refused);
      equal(refused.status, 403);
    },
  },
  {
    name: 'a subscriber that vanished costs the others nothing',
    run: async ({ open, topic, http }) => {
      const gone = await open(['v12.stomp']);
      gone.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
      await gone.frame();
      await settled(gone, 'SUBSCRIBE', { id: 'g', destination: topic });
      await withPair({ open, topic, http }, async (subscriber, publisher) => {
        gone.cut();
        for (const body of ['first', 'second']) {
          await settled(publisher, 'SEND', { destination: topic }, body);
          equal((await subscriber.frame()).body, body);
        }
      });
    },
  },
  {
    name: 'JSON: subscribe, publish and RECEIPT, and an ERROR that ends nothing',
    run: async ({ open, topic }) => {
      const peer = await open(['json.stompway']);
      equal(peer.protocol, 'json.stompway');
      const next = async () => JSON.parse(await peer.text());
      peer.sendText(JSON.stringify({ subscribe: topic, receipt: 'r1' }));
      equal((await next()).command, 'RECEIPT');
      peer.sendText(JSON.stringify({ subscribe: 'nowhere' }));
      equal((await next()).code, 'destination-invalid');
      peer.sendText(JSON.stringify({ send: topic, body: 'from json' }));
      const { command, body, destination } = await next();
      deepEqual([command, body, destination], ['MESSAGE', 'from json', topic]);
      peer.close();
    },
  },
  {
    name: 'JSON without a sub-protocol and STOMP hear each other',
    run: async ({ open, topic, http }) => {
      const json = await open();
      json.sendText(JSON.stringify({ subscribe: topic, receipt: 'r' }));
      await json.text();
      await withPair({ open, topic, http }, async (subscriber, publisher) => {
        await settled(publisher, 'SEND', { destination: topic }, 'to both');
        equal((await subscriber.frame()).body, 'to both');
        notEqual((await json.text()).indexOf('to both'), -1);
      });
      json.close();
    },
  },
  ...PROTOCOL_JOURNEYS,
  ...LARGE_JOURNEYS,
  ...AUDIENCE_JOURNEYS,
  ...ROOM_JOURNEYS,
  ...QUEUE_JOURNEYS,
  ...TRANSACTION_JOURNEYS,
  ...HTTP_JOURNEYS,
  ...SOCKJS_JOURNEYS,
  ...SOCKETIO_JOURNEYS,
];
