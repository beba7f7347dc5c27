/**
 * At least once, and hardly ever more: a MESSAGE comes twice to a subscription only where the one
 * that posted it, or asked for the job that did, died or failed before it could record so, or handed
 * its sender's record back; or where that happened to its SUBSCRIBE, which then stands twice in the
 * log and replays twice. Judged at the end: what has posted may fail yet.
 */
import type { LogRecord } from '../../../broker/model.ts';
import type { Invocation } from '../fleet.ts';
import type { Got, Subscribed } from '../truth.ts';
import type { Checker, CheckerWorld } from './checker.ts';

export interface Wire extends Checker {
  readonly arrived: number;
  readonly repeated: number;
}

export function makeWire({ truth, report }: CheckerWorld): Wire {
  const joins = new Map<string, number>();
  const posted = new Map<string, Invocation[]>();
  const full = new Set<string>();
  const repeats: (() => void)[] = [];
  let arrived = 0;
  let repeated = 0;
  return {
    get arrived() {
      return arrived;
    },
    get repeated() {
      return repeated;
    },
    quiet() {
      for (const judged of repeats) judged();
    },
    observe(observation) {
      if (observation.type === 'given') {
        arrived++;
        if (observation.given.headers['redelivered'] === 'true') repeated++;
      }
      if (observation.type === 'logged') joined(observation.record);
      if (observation.type === 'full') {
        full.add(`${observation.connectionId} ${observation.by.name}`);
      }
      if (observation.type === 'arrived') came(observation.subscribed, observation.got);
    },
  };

  function joined({ entries }: LogRecord): void {
    for (const entry of entries) {
      if (entry.type !== 'join') continue;
      const { connectionId, subscriptionId } = entry.membership;
      const name = `${connectionId} ${subscriptionId}`;
      joins.set(name, (joins.get(name) ?? 0) + 1);
    }
  }

  function came(subscribed: Subscribed, got: Got): void {
    const key = `${subscribed.connectionId} ${subscribed.id} ${got.id}`;
    const before = posted.get(key) ?? [];
    posted.set(key, [...before, got.by]);
    arrived++;
    if (before.length === 0) return;
    repeated++;
    repeats.push(() => judge(subscribed, got, before));
  }

  function judge(subscribed: Subscribed, got: Got, before: readonly Invocation[]): void {
    const sender = truth.sents.get(got.body)?.connectionId ?? '';
    const excused = withAskers([...before, got.by]).some(
      ({ unrecorded, handedBack }) => unrecorded || handedBack.has(sender),
    );
    // Of a delivery in several posts the first may be out when the buffer is full: all of it waits.
    const inPart = before.some(({ name }) => full.has(`${subscribed.connectionId} ${name}`));
    const subscribes = joins.get(`${subscribed.connectionId} ${subscribed.id}`) ?? 0;
    if (excused || inPart || subscribes > 1) return;
    const by = before.map(({ name }) => name).join(', ');
    report(`${subscribed.client} got ${got.body} again by ${got.by.name} after ${by}`);
  }
}

/** With whoever asked for what they did, and so on. */
function withAskers(some: readonly Invocation[]): readonly Invocation[] {
  const all = new Set(some);
  for (const one of all) for (const asker of one.askedBy ?? []) all.add(asker);
  return [...all];
}
