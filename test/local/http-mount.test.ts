/** How requests of one socket learn that its client has left. */
import { getMaxListeners, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { HttpHandler, Reply } from '../../lambda/exchange.ts';
import { httpMount } from '../../local/http-mount.ts';
import { type PortServer, startServer } from '../../local/server.ts';

const REQUEST = 'GET /held HTTP/1.1\r\nHost: a\r\n\r\n';
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };

let server: PortServer | undefined;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server?.close(0);
});

/** Each request's reply, in the order they came. */
async function start() {
  const replies: Reply[] = [];
  let came: () => void = () => undefined;
  const handler: HttpHandler = async (_, reply) => {
    replies.push(reply);
    came();
  };
  const mount = httpMount({ prefix: '/held', handler, bodyBytesMax: 1024 });
  server = await startServer({ mounts: [mount], log, host: '127.0.0.1', port: 0 });
  const { port } = server;
  return {
    replies,
    async client(): Promise<Socket> {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    async held(count: number): Promise<void> {
      while (replies.length < count) await new Promise<void>((resolve) => (came = resolve));
    },
  };
}

test('a client that leaves at its second request of a socket ends that one', async () => {
  const { replies, client, held } = await start();
  const socket = await client();
  socket.write(REQUEST);
  await held(1);
  const answered = once(socket, 'data');
  replies[0]?.start(200, {});
  replies[0]?.end();
  await answered;
  socket.write(REQUEST);
  await held(2);
  const gone = replies[1]?.gone;
  expect(gone?.aborted).toBe(false);
  const aborted = new Promise((resolve) => gone?.addEventListener('abort', resolve));
  socket.destroy();
  await aborted;
  expect(gone?.aborted).toBe(true);
});

test('who asks only after the client has left is told so', async () => {
  const { replies, client, held } = await start();
  const [leaves, stays] = [await client(), await client()];
  leaves.write(REQUEST);
  await held(1);
  stays.write(REQUEST);
  await held(2);
  leaves.destroy();
  // What the server hears of later than that.
  for (let count = 3; count < 6; count++) {
    const later = await client();
    later.write(REQUEST);
    await held(count);
  }
  const gone = replies[0]?.gone;
  if (gone?.aborted === false) {
    await new Promise((resolve) => gone.addEventListener('abort', resolve));
  }
  expect([gone?.aborted, replies[1]?.gone.aborted]).toEqual([true, false]);
});

test('requests in flight on one socket share a signal that any number may listen to', async () => {
  const { replies, client, held } = await start();
  const socket = await client();
  socket.write(REQUEST.repeat(20));
  await held(20);
  const signals = replies.map(({ gone }) => gone);
  expect(new Set(signals).size).toBe(1);
  // Jest hides from a test what the process warns of.
  for (const gone of signals) expect(getMaxListeners(gone)).toBe(Number.POSITIVE_INFINITY);
  const left = signals.map((gone) => new Promise((r) => gone.addEventListener('abort', r)));
  socket.destroy();
  await Promise.all(left);
});

test('who writes to a client that has left is not kept waiting, in the line of its socket too', async () => {
  const { replies, client, held } = await start();
  const socket = await client();
  socket.write(REQUEST.repeat(2));
  await held(2);
  const gone = replies.map(
    ({ gone }) => new Promise((resolve) => gone.addEventListener('abort', resolve)),
  );
  // The second has no socket yet: what it writes waits behind the first, which says nothing.
  const second = replies[1];
  second?.start(200, {});
  const large = Buffer.alloc(1024 * 1024);
  await second?.write(large);
  const stuck = second?.write(large);
  socket.destroy();
  await Promise.all(gone);
  await stuck;
  await second?.write(large);
});
