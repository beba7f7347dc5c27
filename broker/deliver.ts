/**
 * The logged lane's other half: what a log's stream tells becomes history, subscriptions and posts.
 * `deliver` is the only one that posts MESSAGEs of a logged destination, and it takes the entries of
 * a log in order, so a join, the history before it and what is published after it cannot swap.
 *
 * Keeping and telling are apart. History is written first, and is retried for ever by the stream; a
 * connection that cannot be posted to is cut, and resumes from its own position. `progress` is
 * written last: a crash between a post and it repeats the post, with the same message-ids.
 *
 * Cost of a batch of one log: 1 read of progress, 1 history write, the subscribers' reads, one post
 * per connection and 32 KB, 1 write of progress.
 */
import { type Destination, parseDestination } from './destination.ts';
import { type Durables, openDurables } from './durable.ts';
import { keepHistory } from './history.ts';
import type { Entry, LogRecord, Membership, Position } from './model.ts';
import { formatPosition, replay } from './past.ts';
import type { Logs, Ports, Progress } from './ports.ts';
import { cutAll } from './post.ts';
import { enterRoom, goneFromRoom, leaveRoom, recallRoom, showRoom } from './presence.ts';
import { deliverQueue } from './queue.ts';
import { keyOf, makeScene, type Scene } from './scene.ts';
import { type Spread, spreadOf } from './spread-log.ts';

/**
 * Records of any logs, each log's in order. Throws if one could not be kept or told, after all the
 * others were: give them again.
 */
export async function deliverLogs(records: readonly LogRecord[], ports: Ports): Promise<void> {
  const { logs } = ports;
  if (logs === undefined) throw new Error('this broker has no logged lane');
  const byLog = new Map<string, LogRecord[]>();
  for (const record of records) {
    const others = byLog.get(record.destination);
    if (others === undefined) byLog.set(record.destination, [record]);
    else others.push(record);
  }
  const all = [...byLog.values()];
  const began = ports.clock.now();
  const faults: unknown[] = [];
  for (let from = 0; from < all.length; from += ports.limits.logsAtOnceMax) {
    const some = all.slice(from, from + ports.limits.logsAtOnceMax);
    const results = await Promise.allSettled(some.map((one) => deliverLog(one, ports, logs)));
    for (const result of results) if (result.status === 'rejected') faults.push(result.reason);
  }
  if (faults.length > 0) throw faults[0];
  await waitOut(began, [...byLog.keys()], ports, logs);
}

/**
 * The rest of the longest window among these logs: what is appended meanwhile is the next batch, and
 * leaves in one post per connection. It holds for all logs of a slot of the stream.
 */
async function waitOut(
  began: number,
  names: readonly string[],
  { clock, timer, limits }: Ports,
  { policies }: Logs,
): Promise<void> {
  const windows = names.map(
    (name) => policies(parseDestination(name, limits)).coalesceMilliseconds,
  );
  const rest = Math.max(0, ...windows) - (clock.now() - began);
  if (rest > 0) await timer.sleep(rest);
}

/** A record of the log under way, and the position its entries have reached. */
interface Step {
  readonly destination: Destination;
  readonly record: LogRecord;
  readonly scene: Scene;
  readonly durables: Durables | undefined;
  /** Where its messages are others' to post. */
  readonly spread: Spread | undefined;
  readonly ports: Ports;
  readonly logs: Logs;
  /** Names the change: the same when the record comes again. */
  readonly mark: string;
  seq: number;
}

async function deliverLog(records: readonly LogRecord[], ports: Ports, logs: Logs): Promise<void> {
  const destination = parseDestination(records[0]?.destination ?? '', ports.limits);
  const progress = await logs.journal.progress(destination.canonical);
  const fresh = records.filter(
    ({ epoch, revision }) => epoch !== progress?.epoch || revision > progress.revision,
  );
  const last = fresh.at(-1);
  if (last === undefined) return;
  if (destination.kind === 'queue') {
    await deliverQueue(destination, fresh, progress, ports, logs);
    await logs.journal.advance(destination.canonical, positionAfter(last));
    return;
  }
  await keepHistory(destination, fresh, ports, logs);
  let reached = progress;
  for (const stretch of stretchesOf(fresh)) {
    reached = await deliverStretch(stretch, reached, destination, ports, logs);
  }
}

/**
 * A subscription that begins behind entries of the kind it hears begins a stretch: those before it
 * are settled first. Were they given again with its row written already, it would get them before
 * its answer, and what it then resumes would look seen.
 */
function stretchesOf(records: readonly LogRecord[]): readonly (readonly LogRecord[])[] {
  const stretches: LogRecord[][] = [];
  const told = new Set<Entry['type']>();
  for (const record of records) {
    const types = record.entries.map(({ type }) => type);
    const presence = told.has('join') || told.has('leave') || told.has('gone');
    const amid =
      (types.includes('join') && told.has('message')) || (types.includes('watch') && presence);
    if (amid) told.clear();
    const stretch = amid ? undefined : stretches.at(-1);
    if (stretch === undefined) stretches.push([record]);
    else stretch.push(record);
    for (const type of types) told.add(type);
  }
  return stretches;
}

/** Tells all, posts all, and says so: a batch given again goes on behind it. */
async function deliverStretch(
  records: readonly LogRecord[],
  before: Progress | undefined,
  destination: Destination,
  ports: Ports,
  logs: Logs,
): Promise<Progress | undefined> {
  const last = records.at(-1);
  if (last === undefined) return before;
  const { canonical } = destination;
  const first = await ports.store.subscribers(destination);
  const spread = await spreadOf(destination, { before, first }, ports, logs);
  const scene = await makeScene(destination, ports, { first, read: spread === undefined });
  const asked = records.some(({ entries }) =>
    entries.some((one) => ('durable' in one && one.durable) || ('gaveUp' in one && one.gaveUp)),
  );
  const durables =
    asked || before?.durables ? await openDurables(canonical, ports, logs) : undefined;
  await spread?.expect(records);
  for (const record of records) {
    const messages = record.entries.filter(({ type }) => type === 'message').length;
    const seq = record.seq - messages;
    const step = { destination, record, scene, durables, spread, ports, logs, mark: '', seq };
    for (const [index, entry] of record.entries.entries()) {
      await tell(entry, { ...step, mark: `${record.epoch}-${record.revision}-${index}` });
      if (entry.type === 'message') step.seq++;
    }
  }
  await durables?.begin();
  const cut = await scene.post();
  const slices = await spread?.send();
  const present = scene.audience().filter(({ connectionId }) => !cut.has(connectionId));
  if (spread === undefined) durables?.posted(last, new Set(present.map(keyOf)));
  const kept = await durables?.save();
  const reached = { ...positionAfter(last), ...(kept ? { durables: true } : {}), ...slices };
  await logs.journal.advance(canonical, reached);
  return reached;
}

function positionAfter({ epoch, revision }: LogRecord): Progress {
  return { epoch, revision };
}

async function tell(entry: Entry, step: Step): Promise<void> {
  switch (entry.type) {
    case 'message':
      if (step.spread !== undefined) {
        return step.spread.message({ seq: step.seq + 1, ...entry.message }, step.record);
      }
      return step.scene.message({ seq: step.seq + 1, ...entry.message }, step.record.epoch);
    case 'join':
      return join(entry, step);
    case 'leave':
      step.scene.forget(entry.membership);
      step.durables?.forget(entry.membership, entry.gaveUp === true);
      if (entry.how === 'lost') await finish(entry.membership, step.ports);
      return step.destination.kind === 'room'
        ? leaveRoom(entry.membership, entry.how, step)
        : undefined;
    case 'gone':
      await finish(entry.membership, step.ports);
      return goneFromRoom(entry.membership, entry.mark, step);
    case 'watch':
      return showRoom(entry.membership, entry.receipt, positionOf(step), step);
    case 'ack':
    case 'nack':
      return step.durables?.acknowledge(entry, step.record.epoch);
    case 'tick':
      return; // Of a queue's log, which has a deliverer of its own.
    default:
      entry satisfies never;
  }
}

/**
 * Who said that a connection is over may have died before it was: what the log has told is made true.
 * A refused one is to be told why first, so it has the grace that its member has.
 */
async function finish({ connectionId }: Membership, ports: Ports): Promise<void> {
  const found = await ports.store.find(connectionId);
  const open = found !== undefined && found.connection.ended === undefined;
  if (open) await cutAll([connectionId], ports);
}

function positionOf({ record, seq }: Step): Position {
  return { epoch: record.epoch, seq };
}

/** The subscription begins here: its answer, its past, and then whatever follows in the log. */
async function join(entry: Entry & { readonly type: 'join' }, step: Step): Promise<void> {
  const { destination, scene, ports, logs } = step;
  const { membership, past, durable, receipt } = entry;
  // Before it can be found: whoever posts older messages of the log passes it over.
  await step.spread?.join(membership, step.record);
  const subscriber = await enlist(membership, destination, logs);
  if (subscriber === undefined) {
    // It is over by now; an attempt that died may have let it in, and its leave will be told.
    if (destination.kind === 'room') await recallRoom(membership, step);
    return;
  }
  const position = positionOf(step);
  const { canonical } = destination;
  const before =
    durable === undefined
      ? undefined
      : await step.durables?.listen(membership, durable, position, step.record);
  const { recovered, messages } = await replay(
    past ?? (before && { from: 'since', position: before }),
    position,
    canonical,
    logs.policies(destination),
    { journal: logs.journal, limits: ports.limits, now: ports.clock.now() },
  );
  if (past?.from === 'since' && past.whole && !recovered) {
    // It was told that nothing would be missing. It comes back, and is told otherwise.
    await cutAll([membership.connectionId], ports);
    return;
  }
  if (receipt !== undefined) {
    scene.answer(subscriber, receipt, [
      ['position', formatPosition(position)],
      ['recovered', String(recovered)],
    ]);
  }
  scene.replay(subscriber, messages, position.epoch);
  scene.admit(subscriber);
  if (destination.kind === 'room') await enterRoom(membership, step);
}

function enlist(membership: Membership, destination: Destination, { held }: Logs) {
  const { connectionId, subscriptionId, stamp } = membership;
  return held.enlist(connectionId, subscriptionId, stamp, destination);
}
