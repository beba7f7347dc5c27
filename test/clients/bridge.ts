/**
 * A TCP port in front of a WebSocket URL, for STOMP clients that speak TCP alone (stomp.py). Octets
 * pass unchanged, cut where a UTF-8 sequence ends, since the other side carries text: bodies that
 * are no UTF-8 cannot pass.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { WebSocket } from 'ws';

/** Below the 32 KB that one WebSocket frame may hold on API Gateway; in UTF-16 units of ≤ 3 octets. */
const UNITS_PER_MESSAGE_MAX = 10_000;

export interface Bridge {
  readonly port: number;
  stop(): Promise<void>;
}

export async function bridge(url: string): Promise<Bridge> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    join(socket, url);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function join(socket: Socket, url: string): void {
  const ws = new WebSocket(url, ['v12.stomp', 'v11.stomp', 'v10.stomp']);
  const decoder = new StringDecoder('utf8');
  socket.pause();
  ws.on('open', () => socket.resume());
  socket.on('data', (octets: Buffer) => {
    for (const part of parts(decoder.write(octets))) ws.send(part);
  });
  ws.on('message', (data: Buffer) => socket.write(data));
  socket.on('end', () => ws.close());
  socket.on('close', () => ws.terminate());
  socket.on('error', () => ws.terminate());
  ws.on('close', () => socket.end());
  ws.on('error', () => socket.destroy());
}

/** Never between the two halves of a surrogate pair. */
function* parts(text: string): Generator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(at + UNITS_PER_MESSAGE_MAX, text.length);
    if (end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1))) end -= 1;
    yield text.slice(at, end);
    at = end;
  }
}
