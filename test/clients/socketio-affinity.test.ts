/**
 * No affinity: with four environments each request and each message goes to the next of them in turn,
 * so that the requests of a session and its socket meet several.
 */
import { io, type ManagerOptions, type Socket } from 'socket.io-client';
import { type Broker, startBroker } from '../../local/broker.ts';
import { leaveAll } from './leave.ts';

const SESSIONS = 40;
const AT_ONCE = 8;
const PATIENCE = 120_000;

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true, environments: 4 });
}, PATIENCE);
afterAll(() => broker.close());

function upgraded({ io: { engine } }: Socket): Promise<void> {
  if (engine.transport.name === 'websocket') return Promise.resolve();
  return new Promise((resolve) => engine.once('upgrade', () => resolve()));
}

/** Alone in a room with a partner: ten messages each way, the change of transport amid them. */
async function whole(name: string, options: Partial<ManagerOptions>, changes: boolean) {
  const make = () => io(`http://127.0.0.1:${broker.port}`, { forceNew: true, ...options });
  const [ann, bob] = [make(), make()];
  const [annHears, bobHears]: [number[], number[]] = [[], []];
  const all = new Promise<void>((resolve) => {
    const hear = (heard: number[]) => (_room: unknown, n: number) => {
      heard.push(n);
      if (annHears.length >= 10 && bobHears.length >= 10) resolve();
    };
    ann.on('message', hear(annHears));
    bob.on('message', hear(bobHears));
  });
  await Promise.all([ann.emitWithAck('join', name), bob.emitWithAck('join', name)]);
  for (let n = 0; n < 10; n++) {
    ann.emit('message', name, n);
    bob.emit('message', name, n);
    if (n === 5 && changes) await Promise.all([upgraded(ann), upgraded(bob)]);
  }
  await all;
  const expected = Array.from({ length: 10 }, (_, n) => n);
  const transport = ann.io.engine.transport.name;
  await leaveAll([ann, bob]);
  expect([annHears, bobHears]).toEqual([expected, expected]);
  return transport;
}

const MODES: readonly (readonly [string, Partial<ManagerOptions>, boolean, string])[] = [
  ['polling', { transports: ['polling'] }, false, 'polling'],
  ['as it comes', {}, false, ''],
  ['upgraded', {}, true, 'websocket'],
];

test.each(MODES)(
  '%s: 40 sessions of 40 are whole, whichever environment serves a request or a message',
  async (mode, options, changes, transport) => {
    let passed = 0;
    for (let from = 0; from < SESSIONS; from += AT_ONCE) {
      const names = Array.from({ length: AT_ONCE }, (_, n) => `${mode} ${from + n}`);
      const ended = await Promise.all(names.map((name) => whole(name, options, changes)));
      passed += ended.filter((one) => transport === '' || one === transport).length;
    }
    expect(passed).toBe(SESSIONS);
  },
  PATIENCE,
);
