/** `npm run serve:socketio-echo`: port 3000, or PORT; prints `ready`. */
import { readCount, takeNoFlags } from './flags.ts';
import { startSocketioEcho } from './socketio-echo.ts';

const USAGE = 'npm run serve:socketio-echo takes no options.\nVariables: PORT (3000)';
takeNoFlags(USAGE);
const port = readCount('PORT', process.env['PORT'] || '3000', 0, USAGE);
const server = await startSocketioEcho({ port });
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
console.log(`ready on http://127.0.0.1:${server.port}/socket.io/`);
