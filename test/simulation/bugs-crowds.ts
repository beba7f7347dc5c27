/** Planted in what large audiences go through: slices, their jobs, and what they note of each other. */
import { decodeCell, encodeCell } from '../../broker/cell.ts';
import type { Job, JobTask, Ports, Shelf } from '../../broker/ports.ts';
import type { QueueRecord } from '../../lambda/events.ts';
import type { Bug } from './bugs.ts';

type Changes = Parameters<Shelf['write']>[1];

/** What is written to shelves whose names fit, changed. */
function writing(name: RegExp, change: (changes: Changes) => Changes): (ports: Ports) => Ports {
  return withShelf((shelf) => ({
    write: (one, changes, expiresAt) =>
      shelf.write(one, name.test(one) ? change(changes) : changes, expiresAt),
  }));
}

function withShelf(change: (shelf: Shelf) => Partial<Shelf>): (ports: Ports) => Ports {
  return (ports) => {
    const { logs } = ports;
    if (logs === undefined) return ports;
    return { ...ports, logs: { ...logs, shelf: { ...logs.shelf, ...change(logs.shelf) } } };
  };
}

/** Jobs as they are sent, changed; `undefined` is not sent. */
function sending(change: (job: Job, ports: Ports) => Job | undefined): (ports: Ports) => Ports {
  return (ports) => {
    const { jobs } = ports;
    if (jobs === undefined) return ports;
    const send = (some: readonly Job[]) =>
      jobs.send(some.map((job) => change(job, ports)).filter((job) => job !== undefined));
    return { ...ports, jobs: { send } };
  };
}

/** Jobs with other tasks. */
function tasks(change: (task: JobTask, ports: Ports) => JobTask): (ports: Ports) => Ports {
  return sending((job, ports) => ({ ...job, task: change(job.task, ports) }));
}

/** Pages of slices, changed. */
function pages(
  change: (page: Awaited<ReturnType<Ports['store']['subscribers']>>) => typeof page,
): (ports: Ports) => Ports {
  return (ports) => ({
    ...ports,
    store: {
      ...ports.store,
      async subscribers(destination, from, slice) {
        const page = await ports.store.subscribers(destination, from, slice);
        return slice === undefined ? page : change(page);
      },
    },
  });
}

/** A cursor that stands behind all whom it has come to read. */
function beyond(changes: Changes): Changes {
  return changes.map(([key, value]) => {
    const facts = value === undefined ? {} : decodeCell(value).facts;
    if (!facts['after']) return [key, value] as const;
    return [key, encodeCell({ ...facts, after: '~' })] as const;
  });
}

/** On a repeat its messages have other ids. */
function renamed(record: QueueRecord): QueueRecord {
  const count = Number(record.attributes.ApproximateReceiveCount);
  if (count === 1 || !record.body.startsWith('{"type":"shard"')) return record;
  return { ...record, body: record.body.replaceAll('"id":"', `"id":"${count}-`) };
}

const PLANTED: readonly Omit<Bug, 'scenario'>[] = [
  {
    name: 'a shard ends with its first page',
    breaks: '3: each subscriber gets it',
    ports: pages(({ next: _, ...page }) => page),
  },
  {
    name: 'a shard loses the last of each page',
    breaks: '3: each subscriber gets it',
    ports: pages((page) =>
      page.next === undefined ? page : { ...page, subscribers: page.subscribers.slice(0, -1) },
    ),
  },
  {
    name: 'a shard that is given again gives its messages new ids',
    breaks: '3: what is repeated has the same message-id',
    handlers: (handlers) => ({
      ...handlers,
      work: (records) => handlers.work(records.map(renamed)),
    }),
  },
  {
    name: 'the cursor of a shard passes over who is left of its page',
    breaks: '3: a retry goes on where it stopped',
    ports: writing(/^shard of /, beyond),
  },
  {
    name: 'a slice of an audience is not handed over',
    breaks: '3: each subscriber gets it',
    ports: sending((job) =>
      job.task.type === 'shard' && job.task.slice.index === 1 ? undefined : job,
    ),
  },
  {
    name: 'jobs of one slice are done side by side',
    breaks: '4: a slice’s jobs are done in order',
    sideBySide: true,
  },
  {
    name: 'other environments do not learn whose buffer was full',
    breaks: 'slow: what comes meanwhile goes behind what waits',
    unmarked: true,
  },
  {
    name: 'the cursor of a stretch passes over who is left of its slice',
    breaks: '4: a repeat goes on where it stopped',
    ports: writing(/^slices of /, beyond),
  },
  {
    name: 'a stretch begins without looking whether the one before it was done',
    breaks: '4: nobody lives on with a hole',
    ports: tasks((task) => {
      if (task.type !== 'stretch') return task;
      const { after: _, ...rest } = task;
      return rest;
    }),
  },
  {
    name: 'a slice takes what it was given for done',
    breaks: '4: slices change only once all is done',
    ports: withShelf((shelf) => ({
      async read(name, range) {
        const cells = await shelf.read(name, range);
        if (!/^slices of /.test(name) || range.most === 1) return cells;
        return cells.map(([key, value]) => {
          const { facts } = decodeCell(value);
          return [key, encodeCell({ ...facts, seq: Number.MAX_SAFE_INTEGER })] as const;
        });
      },
    })),
  },
  {
    name: 'a join is not noted for its slice',
    breaks: '4: no messages older than the join',
    ports: writing(/^joins of /, () => []),
  },
];

export const CROWD_BUGS: readonly Bug[] = PLANTED.map((bug) => ({ ...bug, scenario: 'crowds' }));
