/**
 * A peer of the benches, in a process of its own: `bare` (channels as everybody writes them with
 * `ws`), `socketio` (Socket.IO, as its documentation has it), `memory` or `lmdb` (the broker). Tells
 * its address once it listens; and, when asked, its CPU time and its memory.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { type WebSocket, WebSocketServer } from 'ws';
import { ASKED, type PeerName } from './manner.ts';

type Own = Exclude<PeerName, 'rabbitmq'>;

const SERVERS: Readonly<Record<Own, (folder: string) => Promise<string>>> = {
  bare,
  socketio,
  memory: () => broker({ memory: true }),
  lmdb: (data) => broker({ data }),
};

const [name, folder = ''] = process.argv.slice(2);
if (process.send !== undefined && name !== undefined && isOwn(name)) {
  process.on('message', (asked) => process.send?.(asked === ASKED.cpu ? cpu() : memory()));
  process.on('disconnect', () => process.exit(0));
  process.send(await SERVERS[name](folder));
}

function isOwn(text: string): text is Own {
  return text in SERVERS;
}

/** Microseconds, user and system, of all threads. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Octets resident once what nobody holds is collected (`--expose-gc`). */
function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

async function broker(store: { readonly memory: true } | { readonly data: string }) {
  // Loaded here only: the other servers' processes shall hold nothing but themselves.
  const { startBroker } = await import('../../local/broker.ts');
  return `ws://127.0.0.1:${(await startBroker({ port: 0, ...store })).port}/ws`;
}

/** `/member/channel` and `/speaker/channel`: each message goes to all members, as it came. */
async function bare(): Promise<string> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const channels = new Map<string, Set<WebSocket>>();
  server.on('connection', (client, { url = '' }) => {
    const [, role, ...rest] = url.split('/');
    const channel = rest.join('/');
    const members = channels.get(channel) ?? new Set<WebSocket>();
    channels.set(channel, members);
    if (role === 'member') members.add(client);
    client.on('message', (payload) => {
      for (const one of members) one.send(payload, { binary: false });
    });
    client.on('close', () => members.delete(client));
  });
  await once(server, 'listening');
  return addressOf(server.address());
}

async function socketio(): Promise<string> {
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
  return addressOf(server.address());
}

function addressOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new Error('no TCP port');
  return `ws://127.0.0.1:${address.port}`;
}
