/** From what was counted to dollars. */
import { BILLED, type Billed, PRICES } from './prices.ts';

/** How much of each was used. */
export type Usage = Readonly<Record<Billed, number>>;

export const NOTHING: Usage = {
  gatewayMessages: 0,
  connectionMinutes: 0,
  invocations: 0,
  gigabyteSeconds: 0,
  readUnits: 0,
  writeUnits: 0,
  queueRequests: 0,
};

/** A message is billed for each begun 32 KB (API Gateway), a queue request for each 64 KB (SQS). */
export const BILLED_BYTES = { gatewayMessages: 32 * 1024, queueRequests: 64 * 1024 } as const;

/** Units that these octets are billed as; even nothing is one. */
export function unitsOf(bytes: number, unitBytes: number): number {
  return Math.max(1, Math.ceil(bytes / unitBytes));
}

export function sum(...usages: readonly Usage[]): Usage {
  return combine((name) => usages.reduce((total, usage) => total + usage[name], 0));
}

export function times(usage: Usage, count: number): Usage {
  return combine((name) => usage[name] * count);
}

/** What came on top between two readings of a meter. */
export function since(before: Usage, after: Usage): Usage {
  return combine((name) => after[name] - before[name]);
}

export function dollars(usage: Usage): number {
  return BILLED.reduce((total, name) => total + dollarsOf(usage, name), 0);
}

export function dollarsOf(usage: Usage, name: Billed): number {
  return (usage[name] * PRICES.rows[name].perMillion) / 1e6;
}

/** Dollars for a million deliveries, if `delivered` of them took this. */
export function perMillionDelivered(usage: Usage, delivered: number): number {
  return (dollars(usage) / delivered) * 1e6;
}

function combine(of: (name: Billed) => number): Usage {
  const pairs = BILLED.map((name) => [name, of(name)] as const);
  return { ...NOTHING, ...Object.fromEntries(pairs) };
}
