/** Everybody hears everybody: each protocol speaks, and each listens. */
import { isDeepStrictEqual } from 'node:util';
import { startBroker } from '../../local/broker.ts';
import { DOORS, type Payload, type Person } from './door.ts';

export const KINDS: Readonly<Record<string, Payload>> = {
  text: 'plain, ünï 😀\nand a second line',
  JSON: { a: [1, 'é', null, true], nested: { b: 1.5 } },
  binary: Buffer.from([0, 1, 30, 127, 128, 254, 255]),
};

export interface Cell {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  /** Undefined: heard as it was said. */
  readonly fault?: string;
}

const PATIENCE_MILLISECONDS = 5_000;

/** One room per speaker, in which one of each protocol listens. */
export async function matrix(): Promise<readonly Cell[]> {
  const broker = await startBroker({ port: 0, memory: true });
  const cells: Cell[] = [];
  try {
    for (const [from, open] of Object.entries(DOORS)) {
      const room = `matrix-${from.toLowerCase().replace(/[^a-z]/g, '-')}`;
      const speaker = await open(broker.port, room);
      const listeners = await Promise.all(
        Object.entries(DOORS).map(
          async ([to, door]) => [to, await door(broker.port, room)] as const,
        ),
      );
      for (const [kind, payload] of Object.entries(KINDS)) {
        await speaker.say(payload);
        for (const [to, person] of listeners) {
          const fault = await faultOf(person, payload);
          cells.push({ from, to, kind, ...(fault === undefined ? {} : { fault }) });
        }
      }
      await Promise.all(
        [speaker, ...listeners.map(([, person]) => person)].map((one) => one.leave()),
      );
    }
  } finally {
    await broker.close();
  }
  return cells;
}

async function faultOf({ hears }: Person, payload: Payload): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'nothing'>((resolve) => {
    timer = setTimeout(() => resolve('nothing'), PATIENCE_MILLISECONDS);
  });
  const result = await Promise.race([hears.next(), late]);
  clearTimeout(timer);
  if (result === 'nothing') return 'heard nothing';
  const same = isDeepStrictEqual(plain(result.value), plain(payload));
  return same ? undefined : `heard ${JSON.stringify(result.value)}`;
}

/** Clients differ in the class of their octets. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array || value instanceof ArrayBuffer
    ? { octets: [...new Uint8Array(value)] }
    : value;
}

/** Rows speak, columns listen. */
export function table(cells: readonly Cell[]): string {
  const names = Object.keys(DOORS);
  const width = 14;
  const line = (all: readonly string[]) =>
    all
      .map((one) => one.padEnd(width))
      .join('')
      .trimEnd();
  const rows = names.map((from) => [
    from,
    ...names.map((to) => {
      const mine = cells.filter((cell) => cell.from === from && cell.to === to);
      const good = mine.filter(({ fault }) => fault === undefined).map(({ kind }) => kind);
      return good.length === Object.keys(KINDS).length ? 'all' : good.join(' ') || 'nothing';
    }),
  ]);
  return [line(['from \\ to', ...names]), ...rows.map(line)].join('\n');
}
