/**
 * What a client costs that only listens, by the minute: a held poll, a stream and a WebSocket side by
 * side. The receivers are lambda/'s own, on DynamoDB's mailboxes over the metered table and a clock
 * that leaps, so each look into a mailbox is counted; their seconds are the hold itself, and paid.
 */
import { dynamoMailboxes } from '../../adapters/dynamodb/mailboxes.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Reply } from '../../lambda/exchange.ts';
import { makeSessions } from '../../lambda/sessions.ts';
import { NOTHING, since, times, type Usage } from '../bill.ts';
import { DURATION } from './account.ts';
import { documentClient } from './metered-client.ts';
import { meteredTable } from './metered-table.ts';
import { NOW } from './ports.ts';

/** Of `http`, as infra/functions.ts has it. */
const GIGABYTES = 0.125;
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

export interface Held {
  readonly name: string;
  /** Of one client, for a minute. */
  readonly usage: Usage;
}

export async function holding(): Promise<readonly Held[]> {
  return [
    { name: 'long polls, one after the other', usage: await minute(false) },
    { name: 'a stream, cut and opened again', usage: await minute(true) },
    { name: 'a WebSocket', usage: { ...NOTHING, connectionMinutes: 1 } },
  ];
}

/** One request that hears nothing, as many of them as a minute takes. */
async function minute(streaming: boolean): Promise<Usage> {
  let now = NOW;
  const table = meteredTable();
  const clock = { now: () => now };
  const timer = {
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
    after: () => () => undefined,
  };
  const world = { clock, timer, ids: { random: () => `r${now}` }, log: SILENT, limits: LIMITS };
  const client = documentClient(table);
  const mailboxes = dynamoMailboxes({ ...world, client, tableName: 'broker' });
  const service = {
    opened: async () => undefined,
    heard: async () => undefined,
    lost: async () => undefined,
  };
  const { sessionSeconds } = LIMITS;
  const sessions = makeSessions(
    { ...world, mailboxes },
    { service, sessionSeconds, keepsInterrupted: false },
  );
  const receive = async (): Promise<void> => {
    const attached = await sessions.attach('s', streaming);
    if (attached === 'busy') throw new Error('busy while counting');
    const form = { posts: () => '', closed: () => '', beat: 'h' };
    await sessions.hold(attached, { reply: REPLY, streaming, bytesMax: 1e9, bytes: 0, form });
  };
  // The first opens the session: it is the next that is measured.
  await receive();
  const [before, began] = [{ ...NOTHING, ...read(table.meter) }, now];
  await receive();
  const seconds = (now - began) / 1000;
  const used = since(before, { ...NOTHING, ...read(table.meter) });
  const once: Usage = {
    ...used,
    invocations: 1,
    gigabyteSeconds: GIGABYTES * (seconds + DURATION.milliseconds / 1000),
  };
  return times(once, 60 / seconds);
}

function read({ readUnits, writeUnits }: ReturnType<typeof meteredTable>['meter']) {
  return { readUnits, writeUnits };
}

const REPLY: Reply = {
  gone: new AbortController().signal,
  start: () => undefined,
  write: async () => undefined,
  end: () => undefined,
};
