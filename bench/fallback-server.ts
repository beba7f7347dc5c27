/**
 * One server of the fallback bench, in a process of its own: `stompway` or `sockjs-node`, as `echo`
 * or as a `chat` of one room.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Connection, createServer as createSockjs } from 'sockjs';
import { startSockjsEcho } from '../local/sockjs-echo.ts';
import { startChat } from './fallback-chat.ts';

const STREAM_BYTES_MAX = 128 * 1024;
const PREFIX = '/echo';

async function listen([kind, service]: readonly string[]): Promise<number> {
  if (kind === 'stompway') {
    if (service === 'chat') return startChat(PREFIX);
    const limits = { streamBytesMax: STREAM_BYTES_MAX, mailboxBytesMax: 1024 * 1024 };
    return (await startSockjsEcho({ port: 0, limits })).port;
  }
  const sockjs = createSockjs({ log: () => undefined });
  const room = new Set<Connection>();
  sockjs.on('connection', (connection) => {
    room.add(connection);
    connection.on('close', () => room.delete(connection));
    connection.on('data', (text) => {
      for (const one of service === 'chat' ? room : [connection]) one.write(text);
    });
  });
  const server = createServer();
  sockjs.installHandlers(server, { prefix: PREFIX });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.send?.({ port: await listen(process.argv.slice(2)) });
