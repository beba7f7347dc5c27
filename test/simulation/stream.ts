/**
 * DynamoDB Streams and their event source, as far as they can hurt: shards in order, one batch of a
 * shard at a time, given again from its start or in halves until it is handled, and sometimes even
 * though it was.
 */
import type { LogRecord } from '../../broker/model.ts';
import type { Outcome } from './fleet.ts';
import type { Weather } from './plan.ts';
import type { Scheduler } from './scheduler.ts';

export interface Stream {
  put(record: LogRecord): void;
  readonly waiting: number;
}

interface Shard {
  readonly name: string;
  readonly records: LogRecord[];
  busy: boolean;
  /** The next batch is no longer than this: half of one that failed. */
  most: number;
}

export type Deliver = (
  records: readonly LogRecord[],
  done: (outcome: Outcome<void>) => void,
) => void;

export function makeStream(
  scheduler: Scheduler,
  weather: Weather,
  deliver: Deliver,
  unordered = false,
): Stream {
  const { random } = scheduler;
  const { batchMax, lagMilliseconds, shards: count } = weather.plan.stream;
  const shards: Shard[] = Array.from({ length: count }, (_, index) => ({
    name: `shard${index}`,
    records: [],
    busy: false,
    most: batchMax,
  }));

  function next(shard: Shard, pause: number): void {
    if (shard.busy || shard.records.length === 0) return;
    shard.busy = true;
    scheduler.after(pause, `${shard.name} read`, () => give(shard));
  }

  function give(shard: Shard): void {
    const batch = shard.records.slice(0, random.between(1, Math.min(batchMax, shard.most)));
    if (unordered) {
      shard.records.splice(0, batch.length);
      shard.busy = false;
      next(shard, lag());
      deliver(batch, ({ type }) => {
        if (type === 'answered') return;
        shard.records.unshift(...batch);
        next(shard, lag());
      });
      return;
    }
    deliver(batch, (outcome) => {
      shard.busy = false;
      if (outcome.type === 'answered' && !weather.falls('again')) {
        shard.records.splice(0, batch.length);
        shard.most = batchMax;
        return next(shard, lag());
      }
      if (outcome.type === 'answered') weather.tell(`${shard.name}: a handled batch comes again`);
      shard.most = random.chance(0.5) ? Math.max(1, Math.ceil(batch.length / 2)) : batchMax;
      next(shard, random.between(10, 1000));
    });
  }

  function lag(): number {
    return lagMilliseconds * (0.2 + 0.8 * random.next());
  }

  return {
    get waiting() {
      return shards.reduce((sum, { records }) => sum + records.length, 0);
    },
    put(record) {
      const shard = shards[record.destination.length % 2 === 0 ? 0 : shards.length - 1];
      if (shard === undefined) return;
      shard.records.push(record);
      next(shard, lag());
    },
  };
}
