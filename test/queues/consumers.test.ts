/** Queues through real sockets: consumers that die with their hands full, and that come and go. */
import { type Broker, startBroker } from '../../local/broker.ts';
import { openPeer, type Peer } from '../template/stomp-client.ts';

let broker: Broker;

beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true });
});

afterAll(() => broker.close());

async function connect(): Promise<Peer> {
  const peer = await openPeer(`ws://127.0.0.1:${broker.port}/ws`, ['v12.stomp'], 30_000);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'test' });
  await peer.frame();
  return peer;
}

/** So many SENDs are under way before the writer waits for a RECEIPT. */
const UNDER_WAY = 200;

/** Sends so many, each its own number; all are stored once it returns. */
async function fill(destination: string, count: number): Promise<void> {
  const writer = await connect();
  for (let n = 0; n < count; n++) {
    const pause = n % UNDER_WAY === UNDER_WAY - 1 || n === count - 1;
    writer.send('SEND', { destination, ...(pause ? { receipt: 'stored' } : {}) }, String(n));
    if (pause) expect((await writer.frame(30_000)).command).toBe('RECEIPT');
  }
  writer.close();
}

interface Heard {
  readonly body: string;
  readonly redelivered: boolean;
}

/** Longer than the test: a consumer waits for messages until it is cut. */
const PATIENCE_MILLISECONDS = 300_000;

interface Consumer {
  readonly peer: Peer;
  readonly heard: Heard[];
}

/** Acknowledges each message as it comes, until its connection ends or `stop` says so. */
async function consume(
  destination: string,
  { prefetch, stop }: { prefetch: number; stop: (heard: Heard) => boolean },
): Promise<Consumer> {
  const peer = await connect();
  const heard: Heard[] = [];
  peer.send('SUBSCRIBE', {
    id: 'w',
    destination,
    ack: 'client-individual',
    'prefetch-count': String(prefetch),
    receipt: 'ready',
  });
  const run = async (): Promise<void> => {
    for (;;) {
      const { command, headers, body } = await peer.frame(PATIENCE_MILLISECONDS);
      if (command !== 'MESSAGE') continue;
      const one = { body, redelivered: headers['redelivered'] === 'true' };
      if (stop(one)) return;
      heard.push(one);
      peer.send('ACK', { id: headers['ack'] ?? '' });
    }
  };
  run().catch(() => undefined);
  return { peer, heard };
}

/** Resolves when every number is acknowledged by somebody. */
async function complete(consumers: () => readonly Consumer[], count: number): Promise<void> {
  const all = () => new Set(consumers().flatMap(({ heard }) => heard.map(({ body }) => body)));
  while (all().size < count) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a consumer killed with 50 of 1,000 in its hands: all are processed, each once or redelivered', async () => {
  const destination = '/queue/killed';
  await fill(destination, 1000);
  let held = 0;
  const victim = await consume(destination, {
    prefetch: 50,
    stop: () => {
      held++;
      return true;
    },
  });
  while (held === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  victim.peer.cut();
  const others = await Promise.all(
    [1, 2].map(() => consume(destination, { prefetch: 20, stop: () => false })),
  );
  await complete(() => others, 1000);
  const heard = others.flatMap((one) => one.heard);
  expect(heard.map(({ body }) => Number(body)).sort((a, b) => a - b)).toEqual([
    ...Array(1000).keys(),
  ]);
  expect(heard.filter(({ redelivered }) => redelivered)).toHaveLength(50);
  for (const { peer } of others) peer.close();
}, 60_000);

test('10,000 through one queue with four consumers, two of them flapping: none is lost', async () => {
  const destination = '/queue/flapping';
  const COUNT = 10_000;
  const consumers: Consumer[] = [];
  const steady = { prefetch: 100, stop: () => false };
  for (let n = 0; n < 2; n++) consumers.push(await consume(destination, steady));
  let flapping = true;
  const flap = async (): Promise<void> => {
    while (flapping) {
      const one = await consume(destination, steady);
      consumers.push(one);
      while (flapping && one.heard.length < 300)
        await new Promise((resolve) => setTimeout(resolve, 5));
      one.peer.cut();
    }
  };
  const flaps = [flap(), flap()];
  await fill(destination, COUNT);
  await complete(() => consumers, COUNT);
  flapping = false;
  await Promise.all(flaps);
  const heard = consumers.flatMap((one) => one.heard);
  const first = heard.filter(({ redelivered }) => !redelivered).map(({ body }) => body);
  expect(new Set(heard.map(({ body }) => body)).size).toBe(COUNT);
  // Whatever came to two of them was marked the second time.
  expect(new Set(first).size).toBe(first.length);
  for (const { peer } of consumers) peer.close();
}, 120_000);
