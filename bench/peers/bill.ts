/** What AWS would charge for the traffic of a row of `npm run bench`, by counted calls. */
import { dollars, perMillionDelivered } from '../bill.ts';
import type { IngressKind } from '../cost/account.ts';
import { burstTo } from '../cost/cases.ts';
import { BILLED } from '../prices.ts';
import type { Row, Traffic } from './measure.ts';

const INGRESSES: readonly IngressKind[] = ['fifo', 'direct'];

/** One line per row and ingress: what one burst takes, and dollars per million delivered. */
export async function bill(rows: readonly Row[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { label, traffic } of rows) {
    if (traffic === undefined) continue;
    for (const ingress of INGRESSES)
      lines.push(`${label}, ${ingress}: ${await billOf(traffic, ingress)}`);
  }
  return lines;
}

async function billOf({ lane, members, backlog }: Traffic, ingress: IngressKind): Promise<string> {
  const { usage, delivered } = await burstTo(ingress, { lane, members, backlog });
  const used = BILLED.filter((name) => usage[name] > 0).map(
    (name) => `${Number(usage[name].toPrecision(3))} ${name}`,
  );
  const total = `$${dollars(usage).toPrecision(3)} a burst`;
  return `$${perMillionDelivered(usage, delivered).toFixed(2)} per million delivered (${total}: ${used.join(', ')})`;
}
