/** Planted in what keeps queues, transactions and durable subscriptions. */
import type { Entry } from '../../broker/model.ts';
import type { Journal, Later, Logs, Ports, Shelf } from '../../broker/ports.ts';
import {
  decodeItem,
  decodeLease,
  encodeItem,
  encodeLease,
  META_KEY,
  PREFIX,
} from '../../broker/queue-cells.ts';
import type { Bug } from './bugs.ts';

type Changes = Parameters<Shelf['write']>[1];

function withLogs(change: (logs: Logs) => Partial<Logs>): (ports: Ports) => Ports {
  return (ports) =>
    ports.logs === undefined ? ports : { ...ports, logs: { ...ports.logs, ...change(ports.logs) } };
}

/** What is written to shelves whose names fit, changed. */
function writing(name: RegExp, change: (changes: Changes) => Changes): (ports: Ports) => Ports {
  return withLogs(({ shelf }) => ({
    shelf: {
      ...shelf,
      write: (one, changes, expiresAt) =>
        shelf.write(one, name.test(one) ? change(changes) : changes, expiresAt),
    },
  }));
}

/** What is appended, changed; nothing is left: nothing is appended. */
function appending(change: (entries: readonly Entry[]) => readonly Entry[]) {
  return withLogs(({ journal }) => ({
    journal: {
      ...journal,
      async append(log, entries) {
        const some = log.startsWith('/queue/') ? change(entries) : entries;
        if (some.length > 0) return journal.append(log, some);
        const head = await journal.head(log);
        return head ?? { epoch: '', seq: 0 };
      },
    } satisfies Journal,
  }));
}

const QUEUE = /^\/queue\//;

const PLANTED: readonly Omit<Bug, 'scenario'>[] = [
  {
    name: 'a queue does not know what it took',
    breaks: '4: a batch seen again appends only what is missing',
    ports: withLogs(({ shelf }) => ({
      shelf: {
        ...shelf,
        read: async (name, range) =>
          range.from === 'z' || range.to === `${META_KEY}\0` ? [] : shelf.read(name, range),
      },
    })),
  },
  {
    name: 'how far messages have become items is not kept',
    breaks: '4: a repeat adds nothing twice',
    ports: writing(QUEUE, (changes) => changes.filter(([key]) => key !== META_KEY)),
  },
  {
    name: 'a lease is posted and not written',
    breaks: '4: items and leases are rows',
    ports: writing(QUEUE, (changes) =>
      changes.filter(([key, value]) => !(key.startsWith(PREFIX.lease) && value !== undefined)),
    ),
  },
  {
    name: 'leases look as if they had been posted',
    breaks: '4: what a crash left perhaps unposted is posted again',
    ports: writing(QUEUE, (changes) =>
      changes.map(([key, value]) =>
        key.startsWith(PREFIX.lease) && value !== undefined
          ? ([key, encodeLease({ ...decodeLease(value), revision: 0 })] as const)
          : ([key, value] as const),
      ),
    ),
  },
  {
    name: 'what is given back forgets that it was delivered',
    breaks: '4: a redelivery is marked',
    ports: writing(QUEUE, (changes) =>
      changes.map(([key, value]) =>
        key.startsWith(PREFIX.ready) && value !== undefined
          ? ([key, encodeItem({ ...decodeItem(value), deliveries: 0 })] as const)
          : ([key, value] as const),
      ),
    ),
  },
  {
    name: 'a NACK does not reach the log',
    breaks: '4: an acknowledgement with a RECEIPT takes effect',
    ports: appending((entries) => entries.filter(({ type }) => type !== 'nack')),
  },
  {
    name: 'an ACK does not reach the log',
    breaks: '4: an acknowledgement with a RECEIPT takes effect',
    ports: appending((entries) => entries.filter(({ type }) => type !== 'ack')),
  },
  {
    name: 'the end of a consumer does not reach its queue',
    breaks: '4: its share goes back at once',
    ports: appending((entries) => entries.filter(({ type }) => type !== 'leave')),
  },
  {
    name: 'dead letters are dropped',
    breaks: '4: what cannot be consumed is kept, with the reason',
    ports: withLogs(({ journal }) => ({
      journal: {
        ...journal,
        appendOnce: async (log, entry, id) =>
          id.startsWith('dead-') ? 'repeated' : journal.appendOnce(log, entry, id),
      },
    })),
  },
  {
    name: 'a queue is never reminded of the time',
    breaks: '4: leases and delays run out',
    ports: withLogs(({ later }) => ({
      later: {
        schedule: async (seconds, task) =>
          task.type === 'tick' ? undefined : later.schedule(seconds, task),
      } satisfies Later,
    })),
  },
  {
    name: 'COMMIT appends to one log after the other',
    breaks: '4: COMMIT is one write',
    ports: withLogs(({ journal }) => ({
      journal: {
        ...journal,
        async commit(changes) {
          for (const { destination, entries } of changes) {
            await journal.append(destination, entries);
          }
          return 'done';
        },
      },
    })),
  },
  {
    name: 'COMMIT may be done twice',
    breaks: '4: COMMIT is exactly once',
    ports: withLogs(({ journal, ...logs }) => ({
      journal: {
        ...journal,
        commit: (changes, once) => journal.commit(changes, `${once} ${++commits}`),
      },
      ...logs,
    })),
  },
  {
    name: 'transactions of a connection share what they hold',
    breaks: '4: ABORT drops it',
    ports: withLogs(({ shelf }) => ({
      shelf: {
        ...shelf,
        write: (name, changes, expiresAt) =>
          shelf.write(
            name,
            changes.map(([key, value]) => [shared(key, name), value] as const),
            expiresAt,
          ),
        read: (name, { from, to, most }) =>
          shelf.read(name, { from: shared(from, name), to: shared(to, name), most }),
      },
    })),
  },
  {
    name: 'a durable subscription is moved by what was posted, whatever its ack mode',
    breaks: 'with ack:client the position is the last acknowledged',
    ports: writing(/^durable listeners/, (changes) =>
      changes.map(([key, value]) => [key, value && asAuto(value)] as const),
    ),
  },
  {
    name: 'a durable position is told before it is written',
    breaks: 'whoever has his answer has a position',
    ports: (ports) => {
      if (ports.logs === undefined) return ports;
      const { logs, outbox } = ports;
      let waiting: (() => Promise<void>) | undefined;
      const flush = async () => {
        const write = waiting;
        waiting = undefined;
        await write?.();
      };
      const write: Shelf['write'] = async (name, changes, expiresAt) => {
        if (!name.startsWith('durable positions'))
          return logs.shelf.write(name, changes, expiresAt);
        const before = waiting;
        waiting = async () => {
          await before?.();
          await logs.shelf.write(name, changes, expiresAt);
        };
      };
      return {
        ...ports,
        outbox: {
          ...outbox,
          async post(deliveries) {
            const outcomes = await outbox.post(deliveries);
            await flush();
            return outcomes;
          },
        },
        logs: { ...logs, shelf: { ...logs.shelf, write } },
      };
    },
  },
];

export const QUEUE_BUGS: readonly Bug[] = PLANTED.map((bug) => ({ ...bug, scenario: 'queues' }));

let commits = 0;

/** `p` and the stamp of BEGIN stand in front of each piece. */
function shared(key: string, name: string): string {
  return name.startsWith('transactions of') ? key.replace(/^p\S+/, 'p') : key;
}

function asAuto(value: Uint8Array): Uint8Array {
  const text = Buffer.from(value.subarray(4)).toString().replace('"ack":"client"', '"ack":"auto"');
  const cell = Buffer.alloc(4 + Buffer.byteLength(text));
  cell.writeUInt32BE(cell.length - 4, 0);
  cell.write(text, 4);
  return cell;
}
