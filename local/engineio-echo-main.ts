/** `npm run serve:engineio-echo`: port 3000, or PORT; prints `ready`. */

import { startEngineEcho } from './engineio-echo.ts';
import { readCount, takeNoFlags } from './flags.ts';

const USAGE = 'npm run serve:engineio-echo takes no options.\nVariables: PORT (3000)';
takeNoFlags(USAGE);
const port = readCount('PORT', process.env['PORT'] || '3000', 0, USAGE);
const server = await startEngineEcho({ port });
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.close().then(() => process.exit(0)));
}
console.log(`ready on http://127.0.0.1:${server.port}/engine.io/`);
