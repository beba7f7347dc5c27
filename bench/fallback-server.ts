/** One server of the fallback bench, in a process of its own: `stompway` or `sockjs-node`, as echo. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createSockjs } from 'sockjs';
import { startSockjsEcho } from '../local/sockjs-echo.ts';

const STREAM_BYTES_MAX = 128 * 1024;

async function listen(): Promise<number> {
  if (process.argv[2] === 'stompway') {
    const limits = { streamBytesMax: STREAM_BYTES_MAX, mailboxBytesMax: 1024 * 1024 };
    return (await startSockjsEcho({ port: 0, limits })).port;
  }
  const service = createSockjs({ log: () => undefined });
  service.on('connection', (connection) => {
    connection.on('data', (text) => connection.write(text));
  });
  const server = createServer();
  service.installHandlers(server, { prefix: '/echo' });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

process.on('message', () => process.send?.({ cpu: process.cpuUsage() }));
process.send?.({ port: await listen() });
