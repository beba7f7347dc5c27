/** A gateway on an ephemeral port with handlers that record, for the tests of this folder. */
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Log } from '../../broker/ports.ts';
import type {
  ConnectEvent,
  DisconnectEvent,
  MessageEvent,
  RouteResult,
} from '../../lambda/events.ts';
import type { LambdaRoute, QueueRoute, Routes } from '../../local/dispatch.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../local/gateway.ts';
import { startServer } from '../../local/server.ts';

/** What came, and a way to await what has not come yet. */
export interface Arrivals<T> {
  readonly all: readonly T[];
  push(item: T): void;
  /** The next not yet taken, in order. */
  next(): Promise<T>;
}

export function arrivals<T>(): Arrivals<T> {
  const all: T[] = [];
  const waiting: ((item: T) => void)[] = [];
  let taken = 0;
  return {
    all,
    push: (item) => {
      all.push(item);
      const wake = waiting.shift();
      if (wake !== undefined) {
        taken += 1;
        wake(item);
      }
    },
    next: () => {
      const item = all[taken];
      if (item !== undefined) {
        taken += 1;
        return Promise.resolve(item);
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

export interface TestGateway {
  readonly gateway: Gateway;
  readonly port: number;
  readonly url: string;
  readonly connects: Arrivals<ConnectEvent>;
  readonly messages: Arrivals<MessageEvent>;
  readonly disconnects: Arrivals<DisconnectEvent>;
  readonly errors: string[];
  close(): Promise<void>;
}

export interface TestOptions extends Partial<Omit<GatewayOptions, 'routes'>> {
  readonly onConnect?: (event: ConnectEvent) => Promise<RouteResult> | RouteResult;
  readonly onMessage?: (event: MessageEvent) => Promise<RouteResult> | RouteResult;
  readonly default?: LambdaRoute | QueueRoute | 'none';
  readonly custom?: Routes['custom'];
}

async function testGateway(options: TestOptions = {}): Promise<TestGateway> {
  const connects = arrivals<ConnectEvent>();
  const messages = arrivals<MessageEvent>();
  const disconnects = arrivals<DisconnectEvent>();
  const errors: string[] = [];
  const log: Log = {
    info: () => undefined,
    warn: () => undefined,
    error: (event) => void errors.push(event),
  };
  const recorded: LambdaRoute = {
    handler: async (event) => {
      messages.push(event);
      return (await options.onMessage?.(event)) ?? { statusCode: 200 };
    },
  };
  const fallback = options.default ?? recorded;
  const gateway = startGateway({
    clock: { now: () => Date.now() },
    log,
    ...options,
    routes: {
      connect: async (event) => {
        connects.push(event);
        return (await options.onConnect?.(event)) ?? { statusCode: 200 };
      },
      disconnect: async (event) => {
        disconnects.push(event);
        return { statusCode: 200 };
      },
      ...(fallback === 'none' ? {} : { default: fallback }),
      ...(options.custom === undefined ? {} : { custom: options.custom }),
    },
  });
  const server = await startServer({ gateway, mounts: [], log, host: '127.0.0.1', port: 0 });
  return {
    gateway,
    port: server.port,
    url: `ws://127.0.0.1:${server.port}/ws`,
    connects,
    messages,
    disconnects,
    errors,
    close: async () => {
      await gateway.close();
      await server.close(50);
    },
  };
}

const open: TestGateway[] = [];

/** One that `closeAll` closes. */
export async function start(options: TestOptions = {}): Promise<TestGateway> {
  const started = await testGateway(options);
  open.push(started);
  return started;
}

/** For `afterEach`. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((started) => started.close()));
}

/** A started gateway and an open client on it. */
export async function connected(
  options: TestOptions = {},
): Promise<TestClient & { readonly started: TestGateway; readonly id: string }> {
  const started = await start(options);
  const opened = await client(started.url);
  const { requestContext } = await started.connects.next();
  return { ...opened, started, id: requestContext.connectionId };
}

export function text(content: string): Uint8Array {
  return Buffer.from(content);
}

export interface TestClient {
  readonly ws: WebSocket;
  readonly texts: Arrivals<string>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

/** An open `ws` client that keeps what it hears. */
export async function client(url: string, protocols: string[] = []): Promise<TestClient> {
  const ws = new WebSocket(url, protocols);
  const texts = arrivals<string>();
  ws.on('message', (data, isBinary) => texts.push(isBinary ? 'BINARY' : String(data)));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  await once(ws, 'open');
  return { ws, texts, closed };
}

/** The HTTP status a handshake was refused with. */
export function refusal(url: string, protocols: string[] = []): Promise<number> {
  return new Promise((resolve, reject) => {
    const ws = new WebSocket(url, protocols);
    ws.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    ws.on('open', () => reject(new Error('The handshake was accepted')));
    ws.on('error', () => undefined);
  });
}

/** A handshake by hand, for what no client library would send or show. */
export async function rawClient(
  port: number,
  extra: readonly string[] = [],
): Promise<{ readonly socket: Socket; readonly head: string }> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(
    [
      'GET /ws HTTP/1.1',
      'Host: localhost',
      'Upgrade: websocket',
      'Connection: Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
      ...extra,
      '\r\n',
    ].join('\r\n'),
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  return { socket, head: head.toString() };
}

/** A client's frame, masked with zeros. */
export function clientFrame(
  opcode: number,
  payload: Uint8Array,
  options: { readonly fin?: boolean } = {},
): Buffer {
  const first = (options.fin === false ? 0 : 0x80) | opcode;
  const length = payload.length;
  const header =
    length < 126
      ? Buffer.from([first, 0x80 | length])
      : length < 65_536
        ? Buffer.from([first, 0x80 | 126, length >> 8, length & 0xff])
        : Buffer.from([
            first,
            0x80 | 127,
            0,
            0,
            0,
            0,
            length >>> 24,
            (length >> 16) & 0xff,
            (length >> 8) & 0xff,
            length & 0xff,
          ]);
  return Buffer.concat([header, Buffer.alloc(4), payload]);
}
