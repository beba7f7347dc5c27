/** The counted part of docs/cost.md, as Markdown: between two marks, so that prose may stand around. */
import { dollars, NOTHING, perMillionDelivered, times } from '../bill.ts';
import { withPart } from '../part.ts';
import { BILLED, PRICES, type Price } from '../prices.ts';
import { DURATION, type IngressKind } from './account.ts';
import {
  AUDIENCES,
  BURST,
  type Counted,
  coalesced,
  type Delivering,
  idle,
  lifecycle,
  membership,
  ROOM,
  ROOM_SIZES,
  roomAtRates,
  sending,
  TOPIC,
  WINDOW,
  WINDOW_BATCH,
} from './cases.ts';
import { holding } from './holding.ts';
import { queues } from './queues.ts';

const PART = 'counted by npm run cost: do not edit by hand';
const CLIENTS = 1000;

/** What was reckoned on paper before there was code, per audience: beside it the count must stand. */
const RECKONED: Readonly<Record<IngressKind | 'room', readonly number[]>> = {
  fifo: [4.28, 1.33, 1.04, 1.01],
  direct: [2.78, 1.18, 1.03, 1.01],
  room: [5.57, 1.46, 1.05, 1.01],
};

export async function countedPart(): Promise<string> {
  const topics = await each('fifo', TOPIC);
  const rooms = await each('fifo', ROOM);
  const straight = singles(await each('direct', TOPIC));
  const roomStraight = singles(await each('direct', ROOM));
  const [single, room] = [singles(topics), singles(rooms)];
  const [queue, queueStraight] = await Promise.all([queues('fifo'), queues('direct')]);
  const acts = async (ingress: IngressKind, sends: readonly Counted[]) => [
    ...(await lifecycle(ingress)),
    ...(await membership(ingress)),
    ...sends,
  ];
  const idling = await Promise.all(
    [false, true].map(async (beats) => {
      const [queued, direct] = await Promise.all([
        idle('fifo', { clients: CLIENTS, beats }),
        idle('direct', { clients: CLIENTS, beats }),
      ]);
      return [queued.name, cents(queued), cents(direct)];
    }),
  );
  return [
    `### Prices (${PRICES.region}, ${PRICES.date})`,
    table(['unit', '$ per million', 'source'], priceRows()),
    '### The life of a connection, and a SEND',
    'Through the queue; the last column is the same with `ingress: direct`.',
    usageTable(
      await acts('fifo', [...single, ...room, ...queue.acts]),
      await acts('direct', [...straight, ...roomStraight, ...queueStraight.acts]),
    ),
    '### Dollars per million delivered',
    table(
      ['', ...AUDIENCES.map((count) => `1:${thousands(count)}`)],
      [
        ['topic, through the queue', ...single.map(perMillion)],
        ['– reckoned beforehand', ...RECKONED.fifo.map((price) => price.toFixed(2))],
        ['topic, straight', ...straight.map(perMillion)],
        ['– reckoned beforehand', ...RECKONED.direct.map((price) => price.toFixed(2))],
        ['room, through the queue', ...room.map(perMillion)],
        ['– reckoned beforehand', ...RECKONED.room.map((price) => price.toFixed(2))],
        [
          `topic, ${BURST} SENDs in one batch of the queue`,
          ...topics.map(({ burst }) => perMillion(burst)),
        ],
        [
          `room, ${BURST} SENDs in one batch of the queue`,
          ...rooms.map(({ burst }) => perMillion(burst)),
        ],
        ['the gateway’s fee alone, one SEND', ...AUDIENCES.map((s) => ((s + 1) / s).toFixed(2))],
      ],
    ),
    '### A message through a queue: sent, delivered, acknowledged',
    usageTable(queue.ways, queueStraight.ways),
    '### One message of a room, by its members and its rate',
    await roomTable(),
    `### The same of ${thousands(WINDOW.bodyBytes)} octets, ${WINDOW.rate} a second, with \`coalesce: "${WINDOW.milliseconds}ms"\``,
    await windowTable(),
    `### ${thousands(CLIENTS)} idle clients for an hour`,
    table(['', 'through the queue', 'straight'], idling),
    '### A minute of one client that listens and hears nothing',
    await holdingTable(),
  ].join('\n\n');
}

/** `page` with its counted part renewed; throws if the marks are not there. */
export function withCounted(page: string, counted: string): string {
  return withPart(page, PART, counted);
}

/** The window adds its length to a message's way at most, beside the stream's own. */
async function windowTable(): Promise<string> {
  const rows: (readonly string[])[] = [];
  for (const members of [100, 1000]) {
    const one = await coalesced('fifo', { members, batch: WINDOW_BATCH });
    const many = await coalesced('fifo', { members, batch: 1 });
    const straight = await coalesced('direct', { members, batch: 1 });
    const posts = figure(one.usage.gatewayMessages - 1);
    rows.push([thousands(members), posts, ...[one, many, straight].map(perTenth)]);
  }
  const senders = ['of one sender', 'of many', 'straight'];
  return table(['members', 'posts', ...senders.map((from) => `$ per million, ${from}`)], rows);
}

/** Posts and messages are of one SEND: at a higher rate several share a post and a delivery. */
async function roomTable(): Promise<string> {
  const rows: (readonly string[])[] = [];
  for (const members of ROOM_SIZES) {
    for (const one of await roomAtRates(members)) {
      const { usage } = one;
      rows.push([
        thousands(members),
        one.name,
        figure(usage.writeUnits),
        figure(usage.readUnits),
        figure(usage.invocations),
        figure(usage.gatewayMessages - 1),
        perMillion(one),
      ]);
    }
  }
  const head = [
    'members',
    'messages',
    'writes',
    'reads',
    'invocations',
    'posts',
    '$ per million delivered',
  ];
  return table(head, rows);
}

/** Each beside the WebSocket, which is the last. */
async function holdingTable(): Promise<string> {
  const all = await holding();
  const least = all.at(-1)?.usage ?? NOTHING;
  const rows = all.map(({ name, usage }) => [
    name,
    figure(usage.invocations),
    usage.gigabyteSeconds.toFixed(2),
    figure(usage.readUnits),
    figure(usage.writeUnits),
    million(usage),
    `${Math.round(dollars(usage) / dollars(least))}×`,
  ]);
  const units = ['requests', 'GB-s', 'reads (RRU)', 'writes (WRU)'];
  return table(['', ...units, '$ per million minutes', 'of a WebSocket'], rows);
}

type Sent = Awaited<ReturnType<typeof sending>>;

async function each(ingress: IngressKind, destination: string): Promise<readonly Sent[]> {
  const all: Sent[] = [];
  for (const subscribers of AUDIENCES) {
    all.push(await sending(ingress, { destination, subscribers }));
  }
  return all;
}

function singles(sent: readonly Sent[]): readonly Delivering[] {
  return sent.map(({ single }) => single);
}

function priceRows(): readonly (readonly string[])[] {
  return BILLED.map((name) => {
    const { unit, perMillion: price, source, sure }: Price = PRICES.rows[name];
    return [unit, `${price.toFixed(3).replace(/0$/, '')}${sure ? '' : ' (unconfirmed)'}`, source];
  });
}

function usageTable(queued: readonly Counted[], straight: readonly Counted[]): string {
  return table(
    [
      '',
      'reads (RRU)',
      'writes (WRU)',
      'messages billed',
      'queue requests',
      'invocations',
      'GB-s',
      '$ per million times',
      'straight',
    ],
    queued.map(({ name, usage }, index) => [
      name,
      figure(usage.readUnits),
      figure(usage.writeUnits),
      figure(usage.gatewayMessages),
      figure(usage.queueRequests),
      figure(usage.invocations),
      usage.gigabyteSeconds.toFixed(3),
      million(usage),
      straight[index] === undefined ? '' : million(straight[index].usage),
    ]),
  );
}

/** Whole ones as they are; shares of a batch to a tenth. */
function figure(count: number): string {
  return String(Math.round(count * 10) / 10);
}

function million(usage: Counted['usage']): string {
  return dollars(times(usage, 1e6)).toFixed(2);
}

function perMillion({ usage, delivered }: Delivering): string {
  return perMillionDelivered(usage, delivered).toFixed(2);
}

function cents({ usage }: Counted): string {
  return `$${dollars(usage).toFixed(3)}`;
}

/** To a tenth of a cent: where a bar is fifteen cents. */
function perTenth({ usage, delivered }: Delivering): string {
  return perMillionDelivered(usage, delivered).toFixed(3);
}

function thousands(count: number): string {
  return count.toLocaleString('en-US');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** How durations are reckoned, in words. */
export function durationInWords(): string {
  const { milliseconds, postMilliseconds, gigabytes, coreGigabytes } = DURATION;
  const { answerMilliseconds, postsAtOnce } = DURATION;
  const slower = (coreGigabytes / gigabytes.message).toFixed(1);
  return `${milliseconds} ms an invocation, ${answerMilliseconds} ms more for each further ${postsAtOnce} posts, and ${postMilliseconds} ms of a whole core a post (${slower} times as long at ${gigabytes.message} GB)`;
}
