/**
 * `npm run conformance`: what a STOMP server must do, one line a row, over a real WebSocket.
 *
 *   WS_URL=ws://…     any server, ours deployed or another; without it `npm start` is started here
 *   --only ID,ID      rows, variants or whole groups (ORD, ORD-01, ORD-01/1.2)
 *   --environments N  passed on to `npm start`
 *   --identity        starts it with LOGIN and PASSCODE as the only way in
 *
 * Variables: TOPIC_PREFIX, QUEUE_PREFIX, LOGIN, PASSCODE, VHOST, OVERSIZE_KB, LARGE_KB, BINARY=1,
 * HB_MS, PATIENCE_MS, QUIET_MS, and WAIVERS=none for servers that are not ours.
 */
import { parseArgs } from 'node:util';
import { readCount, readFlags } from '../../local/flags.ts';
import { identityConfig } from './identity.ts';
import { type Result, runRows, select } from './run.ts';
import { startServer } from './server.ts';
import { targetFrom } from './target.ts';
import { waiver } from './waivers.ts';

/** Our own server takes messages of 32 KB: what must be refused, where nothing else is said. */
const OWN_OVERSIZE_KB = '64';

const USAGE = `npm run conformance -- [options]
  --only ID,ID      rows, variants or whole groups (ORD, ORD-01, ORD-01/1.2)
  --environments N  passed on to npm start
  --identity        starts it with LOGIN and PASSCODE as the only way in
Variables: WS_URL, of another server; the others stand in test/conformance/main.ts`;

const values = readFlags(
  USAGE,
  (args) =>
    parseArgs({
      args,
      options: {
        only: { type: 'string' },
        environments: { type: 'string' },
        identity: { type: 'boolean' },
      },
    }).values,
);
const { environments } = values;
if (environments !== undefined) readCount('--environments', environments, 0, USAGE);
const own = process.env['WS_URL'] === undefined;
const waiving = process.env['WAIVERS'] !== 'none';

process.exitCode = await main();

async function main(): Promise<number> {
  const more = environments === undefined ? [] : ['--environments', environments];
  const known = values.identity ? identityConfig(process.env) : undefined;
  if (known !== undefined) more.push('--config', known);
  const server = own ? await startServer(more) : undefined;
  try {
    const env = own ? { OVERSIZE_KB: OWN_OVERSIZE_KB, ...process.env } : process.env;
    const target = targetFrom(env, server?.url ?? process.env['WS_URL'] ?? '');
    const rows = select(values.only?.split(',') ?? [], target);
    if (rows.length === 0) {
      console.error(`No row is named ${values.only}.\n\n${USAGE}`);
      return 2;
    }
    return report(await runRows(rows, target));
  } finally {
    await server?.stop();
  }
}

function report(results: readonly Result[]): number {
  const count = { ok: 0, FAIL: 0, WAIVED: 0 };
  for (const { id, title, fault } of results) {
    const reason = waiving ? waiver(id, values.identity ?? false) : undefined;
    const word = reason !== undefined ? 'WAIVED' : fault === undefined ? 'ok' : 'FAIL';
    const green = fault === undefined ? ' (passes: could be green)' : '';
    count[word] += 1;
    const tail = { ok: '', FAIL: ` - ${fault}`, WAIVED: ` - ${reason}${green}` }[word];
    console.log(`${word} ${id} ${title}${tail}`);
  }
  console.log(`${count.ok} passed, ${count.FAIL} failed, ${count.WAIVED} waived`);
  return count.FAIL > 0 ? 1 : 0;
}
