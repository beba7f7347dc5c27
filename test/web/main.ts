/**
 * The page in a real browser against a real broker: `npm run test:web`. Screenshots go to SCREENSHOTS
 * or a folder printed at the end.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBroker } from './broker.ts';
import { findChromium, launch } from './browser.ts';
import { CHECKS } from './checks.ts';

const found = findChromium(process.env['CHROMIUM']);
if ('missing' in found) {
  console.error(found.missing);
  console.log(`0 passed, ${CHECKS.length} failed`);
  process.exit(1);
}
const shots = process.env['SCREENSHOTS'] || mkdtempSync(join(tmpdir(), 'stompway-web-'));
const broker = await startBroker(0);
const browser = await launch(found.path).catch(async (cause: unknown) => {
  await broker.stop();
  throw cause;
});
let failed = 0;
try {
  for (const { name, run } of CHECKS) {
    try {
      await run({ browser, broker, shots });
      console.log(`ok    ${name}`);
    } catch (cause) {
      failed++;
      console.log(`FAIL  ${name}`);
      console.error(cause);
    }
    for (const context of browser.contexts()) await context.close();
  }
} finally {
  await browser.close();
  await broker.stop();
}
console.log(`screenshots: ${shots}`);
console.log(`${CHECKS.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
