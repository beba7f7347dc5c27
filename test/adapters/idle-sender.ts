/** Posts once to the endpoint given and does nothing more: it ends by itself, or its test fails. */
import { socketSender } from '../../adapters/apigateway/socket-sender.ts';
import { systemClock, systemTimer } from '../../adapters/system.ts';

const sender = socketSender({
  endpoint: process.argv[2] ?? '',
  ca: process.env['CERTIFICATE'] ?? '',
  clock: systemClock,
  timer: systemTimer,
  socketsMax: 1,
  requestMilliseconds: 60_000,
  connectMilliseconds: 60_000,
});
const headers = [['host', 'localhost']] as const;
const post = { method: 'POST', path: '/', headers, authorization: 'x' } as const;
const { status } = await sender.send(post, Buffer.from('x'));
console.log(status);
