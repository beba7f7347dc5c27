/**
 * Which invocation tried to append what, and whether what it had for a log was ever all in: logs of
 * one batch are appended to side by side, so one may fail, or be cut off, where another is done.
 */
import type { Entry } from '../../broker/model.ts';
import type { Journal } from '../../broker/ports.ts';
import type { Invocation } from './fleet.ts';
import type { Sent } from './truth.ts';

export interface Attempts {
  /** The same journal, its calls written down. */
  of(journal: Journal, by: () => Invocation): Journal;
  /**
   * Whether all that tried to append `body` to the log it was sent to had unfinished work on the log
   * `destination` as well: a call that failed or was never answered, or none yet that appended.
   */
  besideUnfinished(sent: Pick<Sent, 'body' | 'destination'>, destination: string): boolean;
}

/** What one invocation did about one log. */
interface Work {
  unanswered: number;
  failed: boolean;
  /** Its last call appended. */
  appended: boolean;
}

export function makeAttempts(): Attempts {
  const works = new Map<Invocation, Map<string, Work>>();
  /** By log and body: a dead letter is the same body in another log, by another's hand. */
  const triers = new Map<string, Set<Invocation>>();

  function workOn(log: string, by: Invocation): Work {
    const mine = works.get(by) ?? new Map<string, Work>();
    works.set(by, mine);
    const work = mine.get(log) ?? { unanswered: 0, failed: false, appended: false };
    mine.set(log, work);
    return work;
  }

  async function noted<Value>(
    log: string,
    entries: readonly Entry[] | undefined,
    by: Invocation,
    call: () => Promise<Value>,
  ): Promise<Value> {
    const bodies = (entries ?? []).flatMap((entry) =>
      entry.type === 'message' ? [Buffer.from(entry.message.body).toString()] : [],
    );
    // What is no message, the leave of who is ended for one, says nothing about messages.
    if (entries !== undefined && bodies.length === 0) return call();
    const work = workOn(log, by);
    for (const body of bodies) {
      const key = `${log} ${body}`;
      triers.set(key, (triers.get(key) ?? new Set()).add(by));
    }
    work.unanswered++;
    work.appended = entries !== undefined;
    try {
      const value = await call();
      work.unanswered--;
      return value;
    } catch (cause) {
      work.failed = true;
      throw cause;
    }
  }

  return {
    of: (journal, by) => ({
      ...journal,
      append: (log, entries) => noted(log, entries, by(), () => journal.append(log, entries)),
      appendOnce: (log, entry, publishId) =>
        noted(log, [entry], by(), () => journal.appendOnce(log, entry, publishId)),
      commit: (changes, once) => journal.commit(changes, once),
      head: (log) => noted(log, undefined, by(), () => journal.head(log)),
      keep: (...given) => journal.keep(...given),
      history: (log, ...rest) => noted(log, undefined, by(), () => journal.history(log, ...rest)),
      progress: (log) => noted(log, undefined, by(), () => journal.progress(log)),
      advance: (log, progress) => journal.advance(log, progress),
    }),
    besideUnfinished(sent, destination) {
      const all = [...(triers.get(`${sent.destination} ${sent.body}`) ?? [])];
      return (
        all.length > 0 &&
        all.every((by) => {
          const work = works.get(by)?.get(destination);
          return work !== undefined && (work.unanswered > 0 || work.failed || !work.appended);
        })
      );
    },
  };
}
