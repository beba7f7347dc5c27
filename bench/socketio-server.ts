/**
 * A server of the Socket.IO bench, in a process of its own: `original` (socket.io 4, and the ten lines
 * that make it do what the broker does) or `memory` (the broker). Tells its port, and its CPU time.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

export const KINDS = ['original', 'memory'] as const;
export type Kind = (typeof KINDS)[number];

const SERVERS: Readonly<Record<Kind, () => Promise<number>>> = { original, memory };

const kind = KINDS.find((one) => one === process.argv[2]);
if (kind !== undefined && process.send !== undefined) {
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.on('disconnect', () => process.exit(0));
  process.send(await SERVERS[kind]());
}

async function memory(): Promise<number> {
  // Loaded here only: each process shall hold nothing but its own server.
  const { startBroker } = await import('../local/broker.ts');
  return (await startBroker({ port: 0, memory: true })).port;
}

async function original(): Promise<number> {
  const { Server } = await import('socket.io');
  const http = createServer();
  // Its own recovery, as the broker offers: both append an offset, and keep what was said.
  const io = new Server(http, { connectionStateRecovery: {} });
  io.on('connection', (socket) => {
    socket.on('join', async (room: string, ack?: (answer: object) => void) => {
      await socket.join(room);
      ack?.({ ok: true });
    });
    socket.on('message', (room: string, payload: unknown) => {
      socket.to(room).emit('message', room, payload);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = Object(http.address());
  return port;
}
