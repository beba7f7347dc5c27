/** `npm run serve:sockjs-echo`: port 8081, or PORT; prints `ready`. */
import { startSockjsEcho } from './sockjs-echo.ts';

const port = Number(process.env['PORT'] || '8081');
const server = await startSockjsEcho({ port });
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
console.log(`ready on http://127.0.0.1:${server.port}/echo`);
