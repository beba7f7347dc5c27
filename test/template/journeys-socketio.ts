/** Journeys of Socket.IO: the client as it comes, by polling, by WebSocket, and from one to the other. */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { io, type ManagerOptions, type Socket } from 'socket.io-client';
import { heard } from '../clients/heard.ts';
import { type DoorKind, type Journey, within } from './journey.ts';

const MESSAGES = 10;

interface Talker {
  readonly socket: Socket;
  /** The Engine.IO transport in use. */
  transport(): string;
  join(room: string): Promise<void>;
  hear(): Promise<readonly unknown[]>;
}

async function talker(http: string, options: Partial<ManagerOptions>): Promise<Talker> {
  const socket = io(http, { forceNew: true, reconnection: false, ...options });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('connect_error', reject);
  });
  await within('the CONNECT', connected);
  const messages = heard<readonly unknown[]>();
  socket.on('message', (...values: unknown[]) => messages.push(values.slice(0, 2)));
  return {
    socket,
    transport: () => socket.io.engine.transport.name,
    join: async (room) => {
      const joined: unknown = await within('the join', socket.emitWithAck('join', room));
      ok(typeof joined === 'object' && joined !== null && 'ok' in joined, JSON.stringify(joined));
    },
    hear: async () => (await within('a message', messages.next())).value,
  };
}

async function upgraded({ socket }: Talker): Promise<void> {
  const { engine } = socket.io;
  if (engine.transport.name === 'websocket') return;
  const done = new Promise<void>((resolve) => engine.once('upgrade', () => resolve()));
  await within('the upgrade', done);
}

/** Two of them talk by turns, each hearing itself and the other. */
async function chat([ann, bob]: readonly [Talker, Talker], room: string): Promise<void> {
  for (let number = 0; number < MESSAGES; number++) {
    const [speaker, other] = number % 2 === 0 ? [ann, bob] : [bob, ann];
    const said: unknown = await within(
      'the ack',
      speaker.socket.emitWithAck('message', room, number),
    );
    deepEqual(said, { ok: true });
    deepEqual(await other.hear(), [room, number]);
  }
}

function talks(name: string, door: DoorKind, options: Partial<ManagerOptions>): Journey {
  return {
    name: `socket.io-client, ${name}: joins, emits with an ack, and the other hears it`,
    door,
    run: async ({ http, topic }) => {
      const room = topic.slice('/topic/'.length);
      const pair = [await talker(http, options), await talker(http, options)] as const;
      for (const one of pair) await one.join(room);
      await chat(pair, room);
      for (const { socket } of pair) socket.disconnect();
    },
  };
}

export const SOCKETIO_JOURNEYS: readonly Journey[] = [
  talks('polling alone', 'http', { transports: ['polling'] }),
  talks('WebSocket alone', 'frontDoor', { transports: ['websocket'] }),
  {
    name: 'socket.io-client as it comes: polls, goes over to its WebSocket, and loses nothing',
    door: 'frontDoor',
    run: async ({ http, topic }) => {
      const room = topic.slice('/topic/'.length);
      const pair = [await talker(http, {}), await talker(http, {})] as const;
      for (const one of pair) await one.join(room);
      await chat(pair, room);
      for (const one of pair) await upgraded(one);
      deepEqual(
        pair.map((one) => one.transport()),
        ['websocket', 'websocket'],
      );
      await chat(pair, room);
      for (const { socket } of pair) socket.disconnect();
    },
  },
  {
    name: 'socket.io-client that was lost goes on: the same id, and what it missed',
    door: 'frontDoor',
    needs: 'rooms',
    run: async ({ http, topic }) => {
      const room = topic.slice('/topic/'.length);
      const options: Partial<ManagerOptions> = { transports: ['websocket'] };
      const [lost, other] = [await talker(http, options), await talker(http, options)];
      await lost.join(room);
      const say = (text: string) =>
        within('the ack', other.socket.emitWithAck('message', room, text));
      await say('before');
      deepEqual(await lost.hear(), [room, 'before']);
      const { id } = lost.socket;
      const gone = new Promise<void>((resolve) => lost.socket.once('disconnect', () => resolve()));
      lost.socket.io.engine.close();
      await within('the loss', gone);
      await say('meanwhile');
      const back = new Promise<void>((resolve) => lost.socket.once('connect', () => resolve()));
      lost.socket.connect();
      await within('the CONNECT', back);
      deepEqual([lost.socket.recovered, lost.socket.id], [true, id]);
      deepEqual(await lost.hear(), [room, 'meanwhile']);
      for (const { socket } of [lost, other]) socket.disconnect();
    },
  },
  {
    name: 'Engine.IO at the stage itself is greeted with its open packet',
    door: 'http',
    run: async ({ open }) => {
      const peer = await open([], '?EIO=4&transport=websocket');
      match(await peer.text(), /^0\{"sid":"/);
      peer.sendText('40');
      match(await peer.text(), /^40\{"sid":"/);
      peer.close();
    },
  },
  {
    name: 'Engine.IO: what is wrong is told by number',
    door: 'http',
    run: async ({ http }) => {
      const rows = [
        ['EIO=4&transport=carrier-pigeon', 0],
        ['EIO=4&transport=polling&sid=unknown', 1],
        ['EIO=3&transport=polling', 5],
      ] as const;
      for (const [query, code] of rows) {
        const answer = await fetch(`${http}/socket.io/?${query}`);
        equal(answer.status, 400, query);
        equal(JSON.parse(await answer.text()).code, code, query);
      }
    },
  },
];
