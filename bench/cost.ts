/**
 * Counts what each act of a client costs on AWS and prints it as docs/cost.md shows it.
 *
 *   npm run cost              prints
 *   npm run cost -- --write   and renews docs/cost.md
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readFlags } from '../local/flags.ts';
import { countedPart, withCounted } from './cost/page.ts';

const USAGE = `npm run cost -- [options]
  --write  renews docs/cost.md`;

const values = readFlags(
  USAGE,
  (args) => parseArgs({ args, options: { write: { type: 'boolean', default: false } } }).values,
);
const page = fileURLToPath(new URL('../docs/cost.md', import.meta.url));
const counted = await countedPart();
console.log(counted);
if (values.write) writeFileSync(page, withCounted(readFileSync(page, 'utf8'), counted));
