/**
 * Counts what each act of a client costs on AWS and prints it as docs/cost.md shows it.
 *
 *   npm run cost              prints
 *   npm run cost -- --write   and renews docs/cost.md
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { countedPart, withCounted } from './cost/page.ts';

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });
const page = fileURLToPath(new URL('../docs/cost.md', import.meta.url));
const counted = await countedPart();
console.log(counted);
if (values.write) writeFileSync(page, withCounted(readFileSync(page, 'utf8'), counted));
