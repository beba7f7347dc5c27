/**
 * All or nothing: of what one transaction sends to queues and rooms the logs hold all or none, as one
 * change; all once COMMIT has its RECEIPT; none if COMMIT was never said.
 */
import type { Transaction } from '../work-truth.ts';
import type { MakeChecker } from './checker.ts';

export const transactions: MakeChecker = ({ truth, scheduler, report }) => {
  const all: Transaction[] = [];
  const loggedAt = new Map<string, number>();
  return {
    observe(observation) {
      if (observation.type === 'begun') all.push(observation.transaction);
      if (observation.type === 'logged') {
        for (const entry of observation.record.entries) {
          if (entry.type !== 'message') continue;
          loggedAt.set(
            `${observation.record.destination} ${Buffer.from(entry.message.body).toString()}`,
            scheduler.time,
          );
        }
      }
    },
    quiet() {
      for (const { connectionId, name, sends, end, receiptedAt } of all) {
        const times = sends.map(({ destination, body }) => loggedAt.get(`${destination} ${body}`));
        const there = times.filter((time) => time !== undefined);
        const told = `${name} of ${connectionId} (${sends.map(({ body }) => body).join(' ')})`;
        if (there.length > 0 && end !== 'commit') report(`${told} ended by ${end}, and is there`);
        if (there.length > 0 && there.length < sends.length) report(`${told} is there in part`);
        if (new Set(there).size > 1) report(`${told} came in pieces`);
        if (there.length < sends.length && end === 'commit' && receiptedAt !== undefined) {
          report(`${told} was committed, and is not there`);
        }
      }
      for (const body of truth.loggedBodies()) known(body);
    },
  };

  /** What no client has sent stands in no log. */
  function known(body: string): void {
    if (truth.sents.has(body) || all.some(({ sends }) => sends.some((one) => one.body === body)))
      return;
    report(`${body} stands in a log, and nobody sent it`);
  }
};
