/**
 * Publishing on the logged lane: messages become entries of their destination's log, and nothing is
 * posted here. What one invocation publishes to one destination is one change of its log, within the
 * bounds of a change.
 *
 * Appending is not idempotent. An invocation that is retried therefore waits until history has
 * reached the head, looks up its own message-ids there (a queue, which has no history, keeps those of
 * some minutes) and appends only what is missing; the good path pays next to nothing for it.
 */
import type { Faults, LogOptions, Notice, Publication } from './fanout.ts';
import type { Entry, Position } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import { recentIds } from './queue-recent.ts';

interface LoggedPublication extends Publication {
  readonly log: LogOptions;
}

export type Logged = LoggedPublication | Notice;

export function isLogged(one: Publication | Notice): one is Logged {
  return 'entry' in one || one.log !== undefined;
}

/** What is posted in the invocation that received it. */
export function isDirect(one: Publication | Notice): one is Publication {
  return !isLogged(one);
}

/**
 * Returns once every publication is in its log: durable, ordered, and bound to be delivered; or is
 * not, by the fault told of its log, which costs the other logs nothing.
 */
export async function appendAll(
  publications: readonly Logged[],
  ports: Ports,
  logs: Logs,
): Promise<Faults> {
  const byLog = new Map<string, Logged[]>();
  for (const publication of publications) {
    const { canonical } = publication.destination;
    const others = byLog.get(canonical);
    if (others === undefined) byLog.set(canonical, [publication]);
    else others.push(publication);
  }
  const faults = new Map<string, unknown>();
  await Promise.all(
    [...byLog].map(([log, all]) =>
      appendTo(log, all, ports, logs).catch((cause: unknown) => void faults.set(log, cause)),
    ),
  );
  return faults;
}

async function appendTo(
  log: string,
  publications: readonly Logged[],
  ports: Ports,
  logs: Logs,
): Promise<void> {
  const missing = publications.some((one) => 'log' in one && one.log.repeated)
    ? await missingFrom(log, publications, ports, logs)
    : publications;
  let batch: Entry[] = [];
  let bytes = 0;
  const flush = async () => {
    if (batch.length > 0) await logs.journal.append(log, batch);
    batch = [];
    bytes = 0;
  };
  for (const publication of missing) {
    const entry = entryOf(publication);
    if ('log' in publication && publication.log.publishId !== undefined) {
      await flush();
      await logs.journal.appendOnce(log, entry, publication.log.publishId);
      continue;
    }
    const size = sizeOf(publication);
    const { headBytesMax, headEntriesMax } = ports.limits;
    if (bytes + size > headBytesMax || batch.length >= headEntriesMax) await flush();
    batch.push(entry);
    bytes += size;
  }
  await flush();
}

async function missingFrom(
  log: string,
  publications: readonly Logged[],
  ports: Ports,
  logs: Logs,
): Promise<readonly Logged[]> {
  const head = await logs.journal.head(log);
  if (head === undefined) return publications;
  await caughtUp(log, head, ports, logs);
  const queue = publications[0]?.destination.kind === 'queue';
  const ids = queue
    ? await recentIds(log, logs.shelf, ports.limits)
    : await idsInHistory(log, head, ports, logs);
  return publications.filter((one) => 'entry' in one || !ids.has(one.message.id));
}

async function idsInHistory(
  log: string,
  head: Position,
  { limits }: Ports,
  { journal }: Logs,
): Promise<ReadonlySet<string>> {
  const range = { after: 0, upTo: head.seq, most: limits.replayMax };
  const kept = await journal.history(log, head.epoch, range);
  return new Set(kept.map(({ id }) => id));
}

async function caughtUp(
  log: string,
  head: { readonly epoch: string; readonly revision: number },
  ports: Ports,
  logs: Logs,
): Promise<void> {
  const { catchUpSecondsMax, catchUpPollMilliseconds } = ports.limits;
  const until = ports.clock.now() + catchUpSecondsMax * 1000;
  for (;;) {
    const progress = await logs.journal.progress(log);
    if (progress?.epoch === head.epoch && progress.revision >= head.revision) return;
    if (ports.clock.now() >= until) throw new Error('history has not reached the head in time');
    await ports.timer.sleep(catchUpPollMilliseconds);
  }
}

/** What the log will hold. */
export function entryOf(publication: Logged): Entry {
  if ('entry' in publication) return publication.entry;
  const { message, log } = publication;
  const { at, audience } = log;
  return { type: 'message', message: { at, ...message, ...(audience ? { audience } : {}) } };
}

function sizeOf(publication: Logged): number {
  if ('entry' in publication) return 256 + publication.entry.id.length;
  const { message } = publication;
  let bytes = message.body.length + message.destination.length + message.id.length + 64;
  for (const [name, value] of message.headers) bytes += name.length + value.length + 8;
  return bytes;
}
