/**
 * A server of the rooms bench, in a process of its own: `bare` (rooms as everybody writes them with
 * `ws`), `socketio` (Socket.IO, as its documentation has it), `memory` or `lmdb` (the broker). Tells
 * its port once it listens, and its CPU time when asked.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';

export const KINDS = ['bare', 'socketio', 'memory', 'lmdb'] as const;
export type Kind = (typeof KINDS)[number];

const SERVERS: Readonly<Record<Kind, (folder: string) => Promise<number>>> = {
  bare,
  socketio,
  memory: () => broker({ memory: true }),
  lmdb: (data) => broker({ data }),
};

const kind = KINDS.find((one) => one === process.argv[2]);
if (kind !== undefined && process.send !== undefined) {
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.on('disconnect', () => process.exit(0));
  process.send(await SERVERS[kind](process.argv[3] ?? ''));
}

async function broker(store: { readonly memory: true } | { readonly data: string }) {
  const { startBroker } = await import('../local/broker.ts');
  return (await startBroker({ port: 0, ...store })).port;
}

/** The path names the room; each message goes to all its members, as it came. */
async function bare(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const rooms = new Map<string, Set<WebSocket>>();
  server.on('connection', (client, { url = '' }) => {
    const room = rooms.get(url) ?? new Set<WebSocket>();
    rooms.set(url, room.add(client));
    client.on('message', (payload) => {
      for (const one of room) one.send(payload, { binary: false });
    });
    client.on('close', () => room.delete(client));
  });
  await once(server, 'listening');
  return portOf(server.address());
}

async function socketio(): Promise<number> {
  const server = createServer();
  const io = new Server(server, { serveClient: false, transports: ['websocket'] });
  io.on('connection', (socket) => {
    socket.on('join', (room: string, joined: () => void) => {
      socket.join(room);
      joined();
    });
    socket.on('say', (room: string, body: string) => {
      io.to(room).emit('said', body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return portOf(server.address());
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return address.port;
}
