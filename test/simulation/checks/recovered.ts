/**
 * A resume is whole or it is not. `recovered:true` is followed by every message from `since` to the
 * join, before any other; `recovered:false` is said only of what the log no longer holds.
 */
import type { Subscribed } from '../truth.ts';
import type { MakeChecker } from './checker.ts';

export const recovered: MakeChecker = ({ truth, plan, report }) => {
  const kept = plan.historyCount ?? Number.POSITIVE_INFINITY;

  function denied({ since, position, client, recovered: whole, destination }: Subscribed): void {
    if (whole || since === undefined || position === undefined) return;
    const missed = position.seq - since.seq;
    if (since.epoch !== position.epoch || missed < 0 || missed > kept) return;
    report(`${client} was not recovered in ${destination}: ${missed} missed of ${kept} kept`);
  }

  function partial(subscribed: Subscribed, after: number, next: number): void {
    const { since, position, recovered: whole, client, destination } = subscribed;
    if (!whole || since === undefined || position === undefined) return;
    const messages = truth.logs.get(destination)?.messages ?? [];
    const upTo = Math.min(position.seq + 1, next);
    for (const missed of messages.slice(Math.max(after, since.seq) + 1, upTo)) {
      if (missed === undefined || !truth.isFor(missed.body, subscribed)) continue;
      report(`${client} was told recovered:true and lacks ${missed.body}`);
    }
  }

  return {
    observe(observation) {
      if (observation.type === 'answered' && observation.first) denied(observation.subscribed);
      if (observation.type === 'fresh') {
        const { subscribed, got, after } = observation;
        partial(subscribed, after, got.position?.seq ?? 0);
      }
    },
  };
};
