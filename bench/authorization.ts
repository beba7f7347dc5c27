/**
 * What authorization adds to a SEND: CPU of the handlers beside those of an open broker, and calls of
 * the store. Handlers alone, over the memory store, without sockets: on AWS or behind a gateway the
 * share is smaller. Rounds of the two take turns, so that a busy machine slows both alike; medians.
 *
 *   npm run bench:authorization
 */
import { SignJWT } from 'jose';
import { parseIdentity } from '../broker/identity-settings.ts';
import { LIMITS } from '../broker/limits.ts';
import type { QueueEvent, QueueRecord } from '../lambda/events.ts';
import { takeNoFlags } from '../local/flags.ts';
import { type HandlersAndHttp, type Keeping, makeHandlers } from '../local/handlers.ts';
import { memoryKeeping } from '../local/memory.ts';
import { openSecurity } from '../local/security.ts';

takeNoFlags('npm run bench:authorization takes no options.');

const BAR = 1.15;
const ROUNDS = 41;
const SENDS_PER_ROUND = 2_000;
const AUDIENCES = [0, 1, 10] as const;
/** Records of one batch: the queue's own most, and one alone. */
const BATCHES = [1, 10] as const;
const SECRET = 'a-secret-for-the-bench-of-authorization';
const LOG = { info: () => undefined, warn: () => undefined, error: console.error };
const ROOMS = Array.from({ length: 9 }, (_, index) => `room-${index}`);

interface World {
  readonly handlers: HandlersAndHttp;
  /** Calls of the store and the shelves so far. */
  calls(): number;
  posts(): number;
}

async function makeWorld(guarded: boolean): Promise<World> {
  process.env['BENCH_SECRET'] = SECRET;
  const tokens = [{ algorithms: ['HS256'], secretVariable: 'BENCH_SECRET' }];
  const identity = parseIdentity({ tokens }, [
    { pattern: '/room/{room}', actions: ['subscribe', 'publish'] },
    { pattern: '/topic/orders.**', actions: ['subscribe', 'publish'] },
  ]);
  const limits = { messagesPerSecond: 1e9, bytesPerSecond: 1e12, userMessagesPerSecond: 1e9 };
  const world = { log: LOG, limits: LIMITS };
  const security = await openSecurity(guarded ? { identity, limits } : {}, world);
  let [calls, posts] = [0, 0];
  const counted = <T extends object>(of: T): T =>
    new Proxy(of, {
      get(target, name) {
        calls++;
        return Reflect.get(target, name);
      },
    });
  const kept = memoryKeeping(LIMITS);
  const keeping: Keeping = { ...kept, store: counted(kept.store), shelf: counted(kept.shelf) };
  const management = {
    post: () => {
      posts++;
      return 200;
    },
    delete: () => undefined,
    get: () => ({}),
  };
  const jobs = { send: () => Promise.reject(new Error('no audience is that large')) };
  const handlers = makeHandlers({ keeping, security, log: LOG, management, jobs });
  return { handlers, calls: () => calls, posts: () => posts };
}

let sequence = 0;

function record(connectionId: string, text: string): QueueRecord {
  const now = Date.now();
  sequence++;
  const value = (stringValue: string) => ({ dataType: 'String', stringValue });
  return {
    messageId: `r${sequence}`,
    body: `.${Buffer.from(text).toString('base64')}`,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(now),
      SequenceNumber: String(sequence).padStart(20, '0'),
      MessageGroupId: connectionId,
    },
    messageAttributes: {
      connectionId: value(connectionId),
      eventType: value('MESSAGE'),
      messageId: value(`m${sequence}=`),
      requestTimeEpoch: value(String(now)),
    },
  };
}

async function enter({ handlers }: World, id: string, token: string): Promise<void> {
  const now = Date.now();
  const requestContext = {
    routeKey: '$connect',
    eventType: 'CONNECT' as const,
    connectionId: id,
    connectedAt: now,
    requestTimeEpoch: now,
    requestId: id,
    stage: 'ws',
    apiId: 'api',
    domainName: 'bench',
    identity: { sourceIp: '127.0.0.1' },
  };
  const headers = { 'Sec-WebSocket-Protocol': 'v12.stomp' };
  await handlers.connect({
    headers,
    multiValueHeaders: {},
    requestContext,
    isBase64Encoded: false,
  });
  const connect = `CONNECT\naccept-version:1.2\nhost:h\npasscode:${token}\n\n\0`;
  await handlers.batch({ Records: [record(id, connect)] });
}

async function prepared(guarded: boolean, audience: number, token: string): Promise<World> {
  const world = await makeWorld(guarded);
  for (let n = 0; n < audience; n++) {
    await enter(world, `listener-${n}`, token);
    const text = 'SUBSCRIBE\nid:1\ndestination:/topic/orders.eu\n\n\0';
    await world.handlers.batch({ Records: [record(`listener-${n}`, text)] });
  }
  await enter(world, 'sender', token);
  return world;
}

/** Microseconds of CPU a SEND, user and system. */
async function round({ handlers }: World, batch: number): Promise<number> {
  const text = 'SEND\ndestination:/topic/orders.eu\ncontent-type:text/plain\n\nhello, world\0';
  const events = Array.from(
    { length: SENDS_PER_ROUND / batch },
    (): QueueEvent => ({
      Records: Array.from({ length: batch }, () => record('sender', text)),
    }),
  );
  const before = process.cpuUsage();
  for (const event of events) await handlers.batch(event);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / SENDS_PER_ROUND;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function compare(audience: number, batch: number, token: string) {
  const [open, guarded] = [
    await prepared(false, audience, token),
    await prepared(true, audience, token),
  ];
  const [plain, checked]: [number[], number[]] = [[], []];
  for (let n = 0; n < ROUNDS; n++) {
    for (const first of n % 2 === 0 ? [false, true] : [true, false]) {
      if (first) checked.push(await round(guarded, batch));
      else plain.push(await round(open, batch));
    }
  }
  // Both were heard by all: what is refused would be cheap.
  if (open.posts() !== guarded.posts())
    throw new Error(`${open.posts()}, ${guarded.posts()} posts`);
  // The first rounds warm the code.
  const [without, withIt] = [median(plain.slice(5)), median(checked.slice(5))];
  const calls = await Promise.all([callsOf(open), callsOf(guarded)]);
  return { audience, batch, without, with: withIt, ratio: withIt / without, calls };
}

/** Of one SEND more. Bans are read once a second, by nobody's message in particular. */
async function callsOf(world: World): Promise<number> {
  await round(world, 1);
  const before = world.calls();
  const text = 'SEND\ndestination:/topic/orders.eu\n\nx\0';
  await world.handlers.batch({ Records: [record('sender', text)] });
  return world.calls() - before;
}

const exp = Math.floor(Date.now() / 1000) + 3600;
const token = await new SignJWT({ sub: 'ann', jti: 't1', rooms: ROOMS, exp })
  .setProtectedHeader({ alg: 'HS256' })
  .sign(Buffer.from(SECRET));
const results = [];
for (const audience of AUDIENCES) {
  for (const batch of BATCHES) {
    const found = await compare(audience, batch, token);
    results.push(found);
    const { without, with: withIt, ratio, calls } = found;
    console.log(
      `${audience} subscribers, batches of ${batch}: ${without.toFixed(1)} → ${withIt.toFixed(1)} µs a SEND, ${ratio.toFixed(2)} × (bar ${BAR}); store calls ${calls.join(' → ')}`,
    );
  }
}
const met = results.every(({ ratio, calls: [open, guarded] }) => ratio <= BAR && open === guarded);
console.log(`BENCH ${JSON.stringify({ bench: 'authorization', bar: BAR, results, met })}`);
