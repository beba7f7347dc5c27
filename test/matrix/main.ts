/** `npm run matrix`: who hears whom, text, JSON and binary; exit 1 unless all 25 hear all three. */
import { matrix, table } from './matrix.ts';

const cells = await matrix();
const faults = cells.filter(({ fault }) => fault !== undefined);
console.log(table(cells));
for (const { from, to, kind, fault } of faults) console.log(`${from} → ${to}, ${kind}: ${fault}`);
const pairs = new Set(cells.map(({ from, to }) => `${from} ${to}`));
for (const { from, to } of faults) pairs.delete(`${from} ${to}`);
console.log(`${pairs.size} passed, ${25 - pairs.size} failed`);
process.exit(faults.length === 0 && pairs.size === 25 ? 0 : 1);
