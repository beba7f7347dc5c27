/**
 * The STOMP codec beside what people use: @stomp/stompjs' `Parser` and `FrameImpl.marshall`, and
 * `JSON.parse` of the same headers and body. CPU per frame, user and system, as the median of
 * rounds that take turns, so that a busy machine slows all of them alike. The garbage collector's
 * work counts, as it does in life. At 16 KB both ways to a MESSAGE are bound by fresh memory, so
 * there the gain is in receivers that share their copy; the other ratio is printed without a bar.
 *
 *   npm run bench:codec
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LIMITS } from '../broker/limits.ts';
import type { Headers } from '../broker/model.ts';
import { takeNoFlags } from '../local/flags.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import { frameBytes, parseFrame } from '../protocol/stomp/frame.ts';

takeNoFlags('npm run bench:codec takes no options.');

/** The parts of stompjs that are compared; its package exports neither. */
interface Stompjs {
  readonly Parser: new (
    onFrame: (frame: unknown) => void,
    onPing: () => void,
  ) => { parseChunk(segment: Uint8Array): void };
  readonly FrameImpl: {
    marshall(frame: {
      command: string;
      headers: Readonly<Record<string, string>>;
      binaryBody: Uint8Array;
      escapeHeaderValues: boolean;
    }): ArrayBuffer;
  };
}

interface Bar {
  readonly name: string;
  readonly ratio: number;
  readonly atLeast: number;
}

const ROUNDS = 15;
const ROUND_MILLISECONDS = 12;
const BODY_BYTES = [100, 16 * 1024] as const;
const HEADERS: Headers = [
  ['destination', '/topic/orders.eu.new'],
  ['content-type', 'application/json'],
  ['receipt', 'message-12345'],
  ['priority', '4'],
  ['x-trace', '8a7f6e5d4c3b2a19'],
];
/** What a result is put into, so that no contender is optimised away. */
const sink: { last: unknown } = { last: undefined };

const { Parser, FrameImpl } = await loadStompjs();
const bars = BODY_BYTES.flatMap((bytes) => [...parsing(bytes), ...serialising(bytes)]);
for (const { name, ratio, atLeast } of bars) {
  const verdict = atLeast === 0 ? 'no bar' : ratio >= atLeast ? 'holds' : 'MISSED';
  console.log(`${name.padEnd(46)} ${ratio.toFixed(2).padStart(8)} × (bar ${atLeast} ×) ${verdict}`);
}
const rounded = bars.map((bar) => ({ ...bar, ratio: Number(bar.ratio.toFixed(2)) }));
console.log(
  `BENCH ${JSON.stringify({ bench: 'codec', bars: rounded, met: bars.every((bar) => bar.ratio >= bar.atLeast) })}`,
);

function parsing(bodyBytes: number): Bar[] {
  const body = 'x'.repeat(bodyBytes);
  const counted: Headers = [...HEADERS, ['content-length', String(bodyBytes)]];
  const frame = frameBytes('SEND', counted, Buffer.from(body), '1.2');
  const uncounted = frameBytes('SEND', HEADERS, Buffer.from(body), '1.2');
  const json = JSON.stringify({ headers: Object.fromEntries(counted), body });
  const parser = new Parser(
    (parsed) => {
      sink.last = parsed;
    },
    () => {},
  );
  const cost = measure(`parse, ${bodyBytes} octets of body`, {
    'parseFrame, content-length': () => parseFrame(frame, 0, '1.2', LIMITS),
    'parseFrame, ended by NUL': () => parseFrame(uncounted, 0, '1.2', LIMITS),
    'stompDialect.decode': () => stompDialect.decode(frame, '1.2'),
    'stompjs Parser': () => parser.parseChunk(frame),
    'JSON.parse': () => JSON.parse(json),
  });
  const slower = Math.max(cost['parseFrame, content-length'], cost['parseFrame, ended by NUL']);
  const stompjs = cost['stompjs Parser'] / slower;
  const parse = cost['JSON.parse'];
  return [
    {
      name: `parse ${bodyBytes}: against stompjs`,
      ratio: stompjs,
      atLeast: bodyBytes < 1000 ? 6 : 40,
    },
    { name: `parse ${bodyBytes}: against JSON.parse`, ratio: parse / slower, atLeast: 1 },
    {
      name: `decode ${bodyBytes} to a command: against JSON.parse`,
      ratio: parse / cost['stompDialect.decode'],
      atLeast: 0,
    },
  ];
}

function serialising(bodyBytes: number): Bar[] {
  const body = Buffer.from('x'.repeat(bodyBytes));
  const id = 'mfk3c5d1-e-5a1b2c3d';
  const headers = HEADERS.filter(([name]) => name !== 'receipt' && name !== 'destination');
  const destination = '/topic/orders.eu.new';
  const splice = stompDialect.message({ id, destination, headers, body }, '1.2');
  const theirs = {
    'message-id': id,
    destination,
    ...Object.fromEntries(headers),
  };
  // Neighbours differ, so that every receiver's copy is written.
  const ids = ['sub-0', 'sub-1', 'sub-2', 'sub-3'];
  let turn = 0;
  const next = () => ids[turn++ & 3] ?? '';
  const cost = measure(`MESSAGE a receiver, ${bodyBytes} octets of body`, {
    splice: () => splice(next()),
    'splice, with ack': () => splice(next(), 'a-17'),
    'splice, same id as the last': () => splice('sub-0'),
    'stompjs FrameImpl.marshall': () =>
      FrameImpl.marshall({
        command: 'MESSAGE',
        headers: { subscription: next(), ...theirs },
        binaryBody: body,
        escapeHeaderValues: true,
      }),
  });
  const stompjs = cost['stompjs FrameImpl.marshall'];
  const unshared = 4;
  return [
    {
      name: `splice ${bodyBytes}: against stompjs`,
      ratio: stompjs / cost.splice,
      atLeast: unshared,
    },
    {
      name: `splice ${bodyBytes} with ack: against stompjs`,
      ratio: stompjs / cost['splice, with ack'],
      atLeast: unshared,
    },
    {
      name: `splice ${bodyBytes}, shared: against stompjs`,
      ratio: stompjs / cost['splice, same id as the last'],
      atLeast: 4,
    },
  ];
}

/** Nanoseconds of CPU a run, the median of rounds that take turns; printed as a table. */
function measure<Name extends string>(
  title: string,
  contenders: Readonly<Record<Name, () => unknown>>,
): Readonly<Record<Name, number>> {
  const names = Object.keys(contenders) as Name[];
  const times = new Map(names.map((name) => [name, calibrated(contenders[name])]));
  const rounds = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      rounds.get(name)?.push(nanoseconds(contenders[name], times.get(name) ?? 1));
    }
  }
  const cost = Object.fromEntries(
    names.map((name) => [name, median(rounds.get(name) ?? [])]),
  ) as Record<Name, number>;
  console.log(`${title}: CPU ns a frame`);
  for (const name of names)
    console.log(`  ${name.padEnd(32)} ${cost[name].toFixed(0).padStart(8)}`);
  return cost;
}

/** How often `run` fits into one round, after it has run hot. */
function calibrated(run: () => unknown): number {
  let times = 64;
  while (nanoseconds(run, times) * times < ROUND_MILLISECONDS * 1e6) times *= 2;
  return times;
}

function nanoseconds(run: () => unknown, times: number): number {
  const before = process.cpuUsage();
  for (let index = 0; index < times; index++) sink.last = run();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function loadStompjs(): Promise<Stompjs> {
  const entry = createRequire(import.meta.url).resolve('@stomp/stompjs');
  const folder = join(dirname(entry), '..', 'esm6');
  const load = (file: string) => import(pathToFileURL(join(folder, file)).href);
  return { ...(await load('parser.js')), ...(await load('frame-impl.js')) };
}
