/**
 * The two senders side by side against one raw TLS server that writes whatever a test says: what
 * node:https makes of it is what the sockets must make of it. Where they are meant to differ the
 * test says so: what is malformed may be refused by ours alone, never accepted by ours alone.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { createServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { httpsSender } from '../../adapters/apigateway/https-sender.ts';
import type { Sender, SenderOptions } from '../../adapters/apigateway/sender.ts';
import { type SocketSenderOptions, socketSender } from '../../adapters/apigateway/socket-sender.ts';
import { systemClock, systemTimer } from '../../adapters/system.ts';
import { selfSigned } from '../certificate.ts';

const identity = selfSigned();

interface Heard {
  readonly socket: TLSSocket;
  /** Which connection, and which request on it, from 0. */
  readonly connection: number;
  readonly request: number;
  readonly text: string;
}

interface RawServer {
  readonly endpoint: string;
  readonly heard: readonly Heard[];
  /** Requests that came before the one before them was answered. */
  readonly pipelined: number;
  answer: (heard: Heard) => void;
  close(): Promise<void>;
}

/** `answer` is called at each whole request. */
async function rawServer(): Promise<RawServer> {
  const heard: Heard[] = [];
  const sockets = new Set<TLSSocket>();
  const server = createServer({ ...identity, ALPNProtocols: ['http/1.1'] }, (socket) => {
    const connection = sockets.size;
    sockets.add(socket);
    let text = '';
    let request = 0;
    socket.on('error', () => {});
    socket.on('data', (octets) => {
      text += octets.toString('latin1');
      const [, length] = /\r\ncontent-length: (\d+)\r\n/i.exec(text) ?? [];
      const whole = text.indexOf('\r\n\r\n') + 4 + Number(length);
      if (!(text.includes('\r\n\r\n') && text.length >= whole)) return;
      if (text.length > whole) raw.pipelined += 1;
      const one = { socket, connection, request: request++, text };
      text = '';
      heard.push(one);
      raw.answer(one);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const raw = {
    endpoint: `https://localhost:${port}/ws`,
    heard,
    pipelined: 0,
    answer: (_: Heard): void => {},
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  return raw;
}

const PLENTY = 60_000;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
const POST = {
  method: 'POST',
  path: '/ws/@connections/a%3D',
  headers: [['host', 'localhost']] as const,
  authorization: 'AWS4-HMAC-SHA256 x',
} as const;
const BODY = Buffer.from('body ü');

type Make = (options: SocketSenderOptions) => Sender;

const SENDERS: readonly [string, Make][] = [
  ['sockets', socketSender],
  ['node:https', httpsSender],
];

function open(make: Make, endpoint: string, more: Partial<SenderOptions> = {}): Sender {
  const patient = { requestMilliseconds: PLENTY, connectMilliseconds: PLENTY };
  const at = { endpoint, clock: systemClock, timer: systemTimer, ca: identity.cert };
  return make({ ...at, socketsMax: 1, ...patient, ...more });
}

async function outcome(sent: ReturnType<Sender['send']>): Promise<unknown> {
  try {
    const { status, errorType, body } = await sent;
    return { status, errorType, body: body.toString('latin1') };
  } catch {
    return 'failed';
  }
}

/** Both senders' outcomes of two posts, the first answered by `first`, the second well. */
async function both(raw: RawServer, first: (heard: Heard) => void) {
  const found: [first: unknown, second: unknown, requests: number][] = [];
  for (const [, make] of SENDERS) {
    let answered = 0;
    raw.answer = (heard) => {
      if (answered++ === 0) first(heard);
      else heard.socket.write(OK);
    };
    const sender = open(make, raw.endpoint);
    found.push([
      await outcome(sender.send(POST, BODY)),
      await outcome(sender.send(POST, BODY)),
      answered,
    ]);
    sender.close();
  }
  return found;
}

async function onStage(body: (raw: RawServer) => Promise<void>): Promise<void> {
  const raw = await rawServer();
  try {
    await body(raw);
  } finally {
    await raw.close();
  }
}

/** Octets in pieces, each after the one before it has left; then an end, or none. */
async function dribble({ socket }: Heard, pieces: readonly string[], end: boolean): Promise<void> {
  for (const piece of pieces) {
    if (socket.destroyed) return;
    await new Promise((resolve) => socket.write(piece, 'latin1', resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (end) socket.end();
}

const words = fc.string({ maxLength: 60, unit: fc.constantFrom(...'abc{}"\r\n\u00fc0 :') });
const extra = fc.constantFrom('', 'X-A: b\r\n', 'Date: Tue, 24 Nov 2026 06:44:00 GMT\r\n');
const errorType = fc.constantFrom('', 'x-amzn-ErrorType: LimitExceededException\r\n');
const interim = fc.constantFrom('', '', 'HTTP/1.1 100 Continue\r\n\r\n');
const farewell = fc.constantFrom('', '', 'Connection: close\r\n', 'Connection: keep-alive\r\n');

/** A response, and whether the connection must end behind it. */
const response = fc
  .record({
    status: fc.constantFrom(200, 204, 403, 410, 413, 429, 500, 503, 504),
    framing: fc.constantFrom('length', 'chunked', 'close'),
    parts: fc.array(words, { maxLength: 3 }),
    extra,
    errorType,
    interim,
    farewell,
  })
  .map(({ status, framing, parts, extra, errorType, interim, farewell }) => {
    const line = `${interim}HTTP/1.1 ${status} Words\r\n${extra}${errorType}${farewell}`;
    const ends = farewell.includes('close');
    if (status === 204) return { text: `${line}\r\n`, ends };
    if (framing === 'close') return { text: `${line}\r\n${parts.join('')}`, ends: true };
    if (framing === 'length') {
      const body = parts.join('');
      return { text: `${line}Content-Length: ${body.length}\r\n\r\n${body}`, ends };
    }
    const chunks = parts.filter((part) => part !== '');
    const all = chunks.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('');
    return { text: `${line}Transfer-Encoding: chunked\r\n\r\n${all}0\r\n\r\n`, ends };
  });

function split(whole: string, cuts: readonly number[]): string[] {
  const at = [...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return at.map((end, n) => whole.slice(at[n - 1] ?? 0, end)).filter((piece) => piece !== '');
}

test('answers of every framing, in any pieces, are what node:https makes of them', () =>
  onStage(async (raw) => {
    await fc.assert(
      fc.asyncProperty(
        response,
        fc.array(fc.nat(400), { maxLength: 4 }),
        async ({ text, ends }, cuts) => {
          const [ours, theirs] = await both(raw, (heard) => {
            void dribble(heard, split(text, cuts), ends);
          });
          expect(ours).toEqual(theirs);
          expect(ours).toEqual([expect.objectContaining({}), expect.anything(), 2]);
        },
      ),
      { numRuns: 120 },
    );
    expect(raw.pipelined).toBe(0);
  }));

test('answers cut short anywhere are what node:https makes of them', () =>
  onStage(async (raw) => {
    await fc.assert(
      fc.asyncProperty(response, fc.nat(400), async ({ text }, cut) => {
        const [ours, theirs] = await both(raw, (heard) => {
          void dribble(heard, [text.slice(0, cut % text.length)], true);
        });
        expect(ours).toEqual(theirs);
      }),
      { numRuns: 120 },
    );
  }));

test('no octet flipped in an answer makes ours accept what node:https refuses', () =>
  onStage(async (raw) => {
    const flips = fc.constantFrom('\r', '\n', '\0', ' ', ':', 'x', '0', '9', '-', '\t', '\u00ff');
    await fc.assert(
      fc.asyncProperty(response, fc.nat(400), flips, async ({ text }, place, flip) => {
        const at = place % text.length;
        const flipped = text.slice(0, at) + flip + text.slice(at + 1);
        const [ours, theirs] = await both(raw, (heard) => void dribble(heard, [flipped], true));
        if (ours?.[0] !== 'failed') expect(ours).toEqual(theirs);
      }),
      { numRuns: 200 },
    );
  }));

describe.each(SENDERS)('%s', (_, make) => {
  test('a kept connection that is closed before the answer costs one more try, on a new one', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket, request }) => {
        if (request === 0) socket.write(OK);
        else socket.destroy();
      };
      const sender = open(make, raw.endpoint);
      await sender.send(POST, BODY);
      expect(await outcome(sender.send(POST, BODY))).toMatchObject({ status: 200 });
      expect(raw.heard.map(({ connection, request }) => [connection, request])).toEqual([
        [0, 0],
        [0, 1],
        [1, 0],
      ]);
      sender.close();
    }));

  test('a new connection closed before the answer is a failure, not another try', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket }) => socket.destroy();
      const sender = open(make, raw.endpoint);
      await expect(sender.send(POST, BODY)).rejects.toThrow();
      expect(raw.heard).toHaveLength(1);
      sender.close();
    }));

  test('connections closed while idle are not noticed by any post', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket }) => {
        socket.write(OK);
        setImmediate(() => socket.end());
      };
      const sender = open(make, raw.endpoint, { socketsMax: 4 });
      for (let round = 0; round < 30; round++) {
        const answers = await Promise.all(
          Array.from({ length: 4 }, () => outcome(sender.send(POST, BODY))),
        );
        expect(new Set(answers.map((one) => JSON.stringify(one))).size).toBe(1);
        expect(answers[0]).toEqual({ status: 200, errorType: '', body: '{}' });
        if (round % 3 === 0) await new Promise((resolve) => setTimeout(resolve, round % 7));
      }
      sender.close();
    }));

  test('an answer that does not come is a failure in time, and costs the next post nothing', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket, connection }) => {
        if (connection > 0) socket.write(OK);
      };
      const sender = open(make, raw.endpoint, { requestMilliseconds: 1500 });
      await expect(sender.send(POST, BODY)).rejects.toThrow('1500 ms');
      expect(raw.heard).toHaveLength(1);
      expect(await outcome(sender.send(POST, BODY))).toMatchObject({ status: 200 });
      sender.close();
    }));

  test('an answer that drips without end is a failure in time', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket }) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
        const drip = setInterval(() => socket.write('.'), 50);
        socket.on('close', () => clearInterval(drip));
      };
      const sender = open(make, raw.endpoint, { requestMilliseconds: 400 });
      await expect(sender.send(POST, BODY)).rejects.toThrow();
      sender.close();
    }));

  test('no more connections than allowed, no two posts at once on one', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket }) => setImmediate(() => socket.write(OK));
      const sender = open(make, raw.endpoint, { socketsMax: 3 });
      const all = await Promise.all(
        Array.from({ length: 60 }, () => outcome(sender.send(POST, BODY))),
      );
      expect(all.every((one) => one !== 'failed')).toBe(true);
      expect(new Set(raw.heard.map(({ connection }) => connection)).size).toBeLessThanOrEqual(3);
      expect(raw.heard).toHaveLength(60);
      expect(raw.pipelined).toBe(0);
      sender.close();
    }));

  test('a refusal that comes before the whole request has left is heard', () =>
    onStage(async (raw) => {
      raw.answer = ({ socket }) => socket.end('HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n');
      const sender = open(make, raw.endpoint);
      const large = Buffer.alloc(300_000, 'x');
      expect(await outcome(sender.send(POST, large))).toMatchObject({ status: 413 });
      sender.close();
    }));

  test('a certificate of nobody known is a failure, and no post is sent', () =>
    onStage(async (raw) => {
      const sender = open(make, raw.endpoint, { ca: selfSigned().cert });
      await expect(sender.send(POST, BODY)).rejects.toThrow(/certificate|signature/);
      expect(raw.heard).toEqual([]);
      sender.close();
    }));

  test('where nobody listens every post fails', async () => {
    const gone = createPlainServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const { port } = gone.address() as AddressInfo;
    await new Promise((resolve) => gone.close(resolve));
    const sender = open(make, `https://127.0.0.1:${port}/ws`, { socketsMax: 2 });
    const all = Array.from({ length: 20 }, () => outcome(sender.send(POST, BODY)));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['failed']));
    sender.close();
  });
});

test('once an octet of the answer has come, a close is a failure, not another try (node:https cannot tell)', () =>
  onStage(async (raw) => {
    raw.answer = ({ socket, request }) => {
      if (request === 0) socket.write(OK);
      else socket.end('HTTP/1.1 200');
    };
    const sender = open(socketSender, raw.endpoint);
    await sender.send(POST, BODY);
    await expect(sender.send(POST, BODY)).rejects.toThrow();
    expect(raw.heard).toHaveLength(2);
    sender.close();
  }));

test('octets that come with the answer and behind its end put it in doubt: it counts as none', () =>
  onStage(async (raw) => {
    raw.answer = ({ socket, connection }) => socket.write(connection === 0 ? OK + OK : OK);
    const sender = open(socketSender, raw.endpoint);
    await expect(sender.send(POST, BODY)).rejects.toThrow('octets behind');
    expect(await outcome(sender.send(POST, BODY))).toMatchObject({ status: 200 });
    expect(raw.heard.map(({ request }) => request)).toEqual([0, 0]);
    sender.close();
  }));

test('octets that nobody asked for end the connection they came by', () =>
  onStage(async (raw) => {
    let gone: Promise<unknown> = Promise.resolve();
    raw.answer = ({ socket, connection }) => {
      gone = once(socket, 'close');
      socket.write(OK, () => connection === 0 && setTimeout(() => socket.write(OK), 50));
    };
    const sender = open(socketSender, raw.endpoint);
    await sender.send(POST, BODY);
    await gone;
    await sender.send(POST, BODY);
    expect(raw.heard.map(({ request }) => request)).toEqual([0, 0]);
    sender.close();
  }));

test('idle connections keep no process alive', () =>
  onStage(async (raw) => {
    raw.answer = ({ socket }) => socket.write(OK);
    const program = fileURLToPath(new URL('./idle-sender.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', program, raw.endpoint], {
      env: { ...process.env, CERTIFICATE: identity.cert },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const printed = text(child.stdout);
    const [code] = await once(child, 'exit');
    expect([code, await printed]).toEqual([0, '200\n']);
    expect(raw.heard).toHaveLength(1);
  }));

test('a connection long idle is not trusted with a post', () =>
  onStage(async (raw) => {
    raw.answer = ({ socket }) => socket.write(OK);
    let now = 0;
    const at = { clock: { now: () => now }, timer: systemTimer, ca: identity.cert };
    const sender = socketSender({ ...at, endpoint: raw.endpoint, socketsMax: 5 });
    await sender.send(POST, BODY);
    now += 19_000;
    await sender.send(POST, BODY);
    now += 21_000;
    await sender.send(POST, BODY);
    expect(raw.heard.map(({ connection }) => connection)).toEqual([0, 0, 1]);
    sender.close();
  }));

test('a header that would become two is not sent', () =>
  onStage(async (raw) => {
    raw.answer = ({ socket }) => socket.write(OK);
    const sender = open(socketSender, raw.endpoint);
    const broken = { ...POST, authorization: 'x\r\ny: z' };
    await expect(sender.send(broken, BODY)).rejects.toThrow('header');
    expect(await outcome(sender.send(POST, BODY))).toMatchObject({ status: 200 });
    expect(raw.heard).toHaveLength(1);
    sender.close();
  }));
