/** `npm run serve:sockjs-echo`: port 8081, or PORT; prints `ready`. */
import { readCount, takeNoFlags } from './flags.ts';
import { startSockjsEcho } from './sockjs-echo.ts';

const USAGE = 'npm run serve:sockjs-echo takes no options.\nVariables: PORT (8081)';
takeNoFlags(USAGE);
const port = readCount('PORT', process.env['PORT'] || '8081', 0, USAGE);
const server = await startSockjsEcho({ port });
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
console.log(`ready on http://127.0.0.1:${server.port}/echo`);
