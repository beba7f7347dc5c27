/**
 * A server of the fan-out bench, in a process of its own: `bare` (what everybody writes with `ws`),
 * `memory` or `lmdb` (the broker). Tells its port once it listens, and its CPU time when asked.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

export const KINDS = ['bare', 'memory', 'lmdb'] as const;
export type Kind = (typeof KINDS)[number];

const SERVERS: Readonly<Record<Kind, (folder: string) => Promise<number>>> = {
  bare,
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
  // Loaded here only: the bare server's process shall hold nothing but itself.
  const { startBroker } = await import('../local/broker.ts');
  return (await startBroker({ port: 0, ...store })).port;
}

/** Each message of whoever connects to `/publisher` goes to every other client, as it came. */
async function bare(): Promise<number> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  const clients = new Set<import('ws').WebSocket>();
  server.on('connection', (client, request) => {
    if (request.url === '/publisher') {
      client.on('message', (payload) => {
        for (const one of clients) one.send(payload, { binary: false });
      });
    } else {
      clients.add(client);
      client.on('close', () => clients.delete(client));
    }
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
