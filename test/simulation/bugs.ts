/**
 * Mistakes made on purpose, around a port or a handler: each undoes what one "Prevents" of the rules
 * of delivery asks for. A simulation that does not find them proves nothing.
 */
import { subscriberOf } from '../../adapters/subscriber.ts';
import type { LogRecord, Subscriber } from '../../broker/model.ts';
import type { Journal, Logs, Ports, Store } from '../../broker/ports.ts';
import type { QueueRecord } from '../../lambda/events.ts';
import type { Handlers } from './handlers.ts';
import type { Scenario } from './plan.ts';

/** A mistake, and the rule that it breaks. */
export interface Bug {
  readonly name: string;
  readonly breaks: string;
  /** Where it is hunted. @default rooms */
  readonly scenario?: Scenario;
  readonly ports?: (ports: Ports) => Ports;
  readonly handlers?: (handlers: Handlers) => Handlers;
  /** Records that the stream never shows. */
  readonly skips?: (record: LogRecord) => boolean;
  /** A poisonous record kills its handler to the last: no handler gives it up. */
  readonly deadly?: true;
  /** The queue gives messages of one connection to several invocations at once. */
  readonly ungrouped?: true;
  /** The stream gives batches of one shard to several invocations at once. */
  readonly unordered?: true;
  /** The queue of jobs gives those of one group to several invocations at once. */
  readonly sideBySide?: true;
  /** Only the environment that met a full buffer knows of it. */
  readonly unmarked?: true;
}

function withLogs(change: (logs: Logs, ports: Ports) => Partial<Logs>): (ports: Ports) => Ports {
  return (ports) =>
    ports.logs === undefined
      ? ports
      : { ...ports, logs: { ...ports.logs, ...change(ports.logs, ports) } };
}

function withJournal(
  change: (journal: Journal, ports: Ports) => Partial<Journal>,
): (ports: Ports) => Ports {
  return withLogs(({ journal }, ports) => ({
    journal: { ...journal, ...change(journal, ports) },
  }));
}

function withStore(change: (store: Store) => Partial<Store>): (ports: Ports) => Ports {
  return (ports) => ({ ...ports, store: { ...ports.store, ...change(ports.store) } });
}

/** The same records, as if they had been received so often, at most. */
function triedAtMost(records: readonly QueueRecord[], most: number): readonly QueueRecord[] {
  return records.map((record) => {
    const count = Math.min(most, Number(record.attributes.ApproximateReceiveCount));
    return {
      ...record,
      attributes: { ...record.attributes, ApproximateReceiveCount: String(count) },
    };
  });
}

/** Of the run under way: connection ids begin anew with each. */
const heldOnce = new Map<string, Subscriber>();

export const BUGS: readonly Bug[] = [
  {
    name: 'messages of one connection are handled side by side',
    breaks: '1: a connection is a message group',
    ungrouped: true,
  },
  {
    name: 'the failure of one group fails the whole batch',
    breaks: '1: nine strangers are not re-run with one',
    ports: (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        error(event, cause) {
          if (event === 'message-failed') throw cause;
        },
      },
    }),
  },
  {
    name: 'a poisonous record is tried until the queue gives it up, and nobody is told',
    breaks: '1: a connection whose message reaches the dead letters is over',
    handlers: (handlers) => ({
      ...handlers,
      queued: (records) => handlers.queued(triedAtMost(records, 3)),
      dead: async () => ({ batchItemFailures: [] }),
    }),
    deadly: true,
  },
  {
    name: 'a repeat is taken for a first delivery',
    breaks: '4: a batch seen again appends only what is missing',
    handlers: (handlers) => ({
      ...handlers,
      queued: (records) => handlers.queued(triedAtMost(records, 1)),
    }),
  },
  {
    name: 'message-ids are random',
    breaks: '2: message-id is derived, never random',
    ports: withJournal((journal, { ids }) => ({
      append: (log, entries) =>
        journal.append(
          log,
          entries.map((entry) =>
            entry.type === 'message'
              ? { ...entry, message: { ...entry.message, id: ids.random() } }
              : entry,
          ),
        ),
    })),
  },
  {
    name: 'a retried batch does not wait until history has reached the head',
    breaks: '4: waits until history has reached the head',
    ports: withJournal((journal) => ({
      async head(log) {
        const head = await journal.head(log);
        return head && { ...head, revision: 0 };
      },
    })),
  },
  {
    name: 'the SDK retries a head update that it thinks lost',
    breaks: '4: the head update is sent with retries off',
    ports: withJournal((journal, { ids }) => ({
      async append(log, entries) {
        if (ids.random().startsWith('1')) await journal.append(log, entries);
        return journal.append(log, entries);
      },
    })),
  },
  {
    name: 'a publish id is not looked up',
    breaks: '4: a publish id sent twice is stored once',
    ports: withJournal((journal) => ({
      appendOnce: (log, entry) => journal.append(log, [entry]),
    })),
  },
  {
    name: 'a gone connection that lives is not cut',
    breaks: '2: one 410 is no proof of death',
    ports: (ports) => ({
      ...ports,
      outbox: {
        ...ports.outbox,
        async close(id) {
          const ended = (await ports.store.find(id))?.connection.ended;
          if (ended === 'left' || ended === 'refused') await ports.outbox.close(id);
        },
      },
    }),
  },
  {
    name: 'a subscription is heard before its log says so',
    breaks: '4: SUBSCRIBE is itself an entry of the log',
    ports: withLogs(({ held }, { store }) => ({
      held: {
        hold: (connection, subscription, destination) =>
          store.subscribe(connection, subscription, destination),
        enlist: (...given) => held.enlist(...given),
      },
    })),
  },
  {
    name: 'a log has two deliverers',
    breaks: '4: deliver is the only one that posts',
    unordered: true,
  },
  {
    name: 'the head keeps its last change alone, and there is no stream',
    breaks: '4: every store has a stream',
    skips: ({ revision }) => revision % 9 === 5,
  },
  {
    name: 'progress is written before the posts',
    breaks: '4: a cursor says how far posting got',
    ports: withJournal((journal) => ({
      async keep(log, epoch, messages, expiresAt) {
        await journal.keep(log, epoch, messages, expiresAt);
        const head = await journal.head(log);
        if (head !== undefined) await journal.advance(log, head);
      },
    })),
  },
  {
    name: 'history forgets what its batch began with',
    breaks: '4: once history is written, nothing is lost',
    ports: withJournal((journal) => ({
      keep: (log, epoch, messages, expiresAt) =>
        journal.keep(log, epoch, messages.length > 1 ? messages.slice(1) : messages, expiresAt),
    })),
  },
  {
    name: 'a resume says recovered though a message is missing',
    breaks: '4: recovered:true only if the rows run without a hole',
    ports: withJournal((journal) => ({
      async history(log, epoch, range) {
        const kept = await journal.history(log, epoch, range);
        return kept.length > 1 ? [...kept.slice(1), ...kept.slice(-1)] : kept;
      },
    })),
  },
  {
    name: 'whoever joins amid a batch is enlisted before what precedes it is settled',
    breaks: '4: no messages older than the join',
    ports: withJournal((journal) => ({
      async advance(log, progress) {
        const head = await journal.head(log);
        // Said once the last of the batch is told, and not before.
        if (head === undefined || head.revision <= progress.revision) {
          await journal.advance(log, progress);
        }
      },
    })),
  },
  {
    name: 'UNSUBSCRIBE leaves the row that fan-out reads',
    breaks: '2: after the RECEIPT of UNSUBSCRIBE nothing published later is delivered',
    ports: withStore(() => ({ unsubscribe: async () => 'done' })),
  },
  {
    name: 'a subscription is enlisted though its connection is over',
    breaks: '4: if the connection is still open',
    ports: withLogs(({ held }) => ({
      held: {
        async hold(connection, subscription, destination) {
          const key = `${connection.id} ${subscription.id}`;
          heldOnce.set(key, subscriberOf(connection, subscription));
          return held.hold(connection, subscription, destination);
        },
        async enlist(connectionId, id, stamp, destination) {
          const row = await held.enlist(connectionId, id, stamp, destination);
          return row ?? heldOnce.get(`${connectionId} ${id}`);
        },
      },
    })),
  },
  {
    name: 'a lost $disconnect is never asked after',
    breaks: '5: presence within 60 s when the gateway knows',
    ports: withLogs(({ checks }) => ({
      checks: { ...checks, enroll: async () => undefined, due: async () => [] },
    })),
  },
  {
    name: 'the grace of a lost member is not recorded',
    breaks: '5: presence shows that a connection is gone',
    ports: withLogs(({ roster }) => ({ roster: { ...roster, fade: async () => undefined } })),
  },
  {
    name: 'the end of a connection leaves its subscriptions',
    breaks: '5: what stands under a destination has its connection',
    ports: withStore(() => ({ end: async () => undefined })),
  },
];
