/**
 * An errand: one transaction. It takes what it was given, sends a few messages to queues and rooms,
 * and ends with COMMIT, with ABORT, or not at all; in one breath, or with time for others between.
 */
import type { LineWorld, Link } from './line.ts';
import type { Said } from './speech.ts';
import type { Given, Transaction, Verdict } from './work-truth.ts';

/** What an errand needs of its worker. */
export interface Runner {
  readonly world: LineWorld;
  /** Names of open transactions of this connection. */
  readonly open: Set<string>;
  /** Of this connection's messages inside transactions, to name them. */
  readonly sent: { count: number };
  say(...said: readonly Said[]): void;
  verdict(given: Given, how: Verdict['how'], transaction: Transaction): Said | undefined;
  /** COMMIT or ABORT is said. */
  ended(transaction: Transaction): void;
  /** Whether the connection still stands. */
  speaks(): boolean;
}

const NAMES = ['t1', 't2'];
const HOW: readonly Verdict['how'][] = ['ack', 'ack', 'ack', 'nack', 'refuse'];

export function runErrand(
  given: Given | undefined,
  places: readonly string[],
  link: Link,
  runner: Runner,
): void {
  const { scheduler, truth } = runner.world;
  const { random } = scheduler;
  const name = NAMES.find((one) => !runner.open.has(one));
  if (name === undefined) return;
  const transaction: Transaction = {
    connectionId: link.id,
    name,
    sends: [],
    end: 'open',
  };
  runner.open.add(name);
  truth.observe({ type: 'begun', transaction });
  const steps: (() => Said | undefined)[] = [() => frame('BEGIN')];
  const how = random.pick(HOW);
  if (given !== undefined) steps.push(() => runner.verdict(given, how, transaction));
  for (let sends = random.between(1, 3); sends > 0; sends--) {
    const destination = random.pick(places);
    steps.push(() => send(destination));
  }
  const dice = random.next();
  if (dice < 0.9) steps.push(() => end(dice < 0.75 ? 'commit' : 'abort'));

  function frame(command: string, more: Said['headers'] = {}, body = ''): Said {
    return { command, headers: { transaction: transaction.name, ...more }, body };
  }

  function send(destination: string): Said {
    const body = `${link.id}${name}.${++runner.sent.count}`;
    transaction.sends.push({ destination, body });
    return frame('SEND', { destination }, body);
  }

  function end(as: 'commit' | 'abort'): Said {
    transaction.end = as;
    runner.open.delete(transaction.name);
    runner.ended(transaction);
    const receipt = link.receipt(() => {
      transaction.receiptedAt ??= scheduler.now();
    });
    return frame(as === 'commit' ? 'COMMIT' : 'ABORT', { receipt });
  }

  if (random.chance(0.5)) {
    runner.say(...steps.flatMap((step) => step() ?? []));
    return;
  }
  const next = (at: number): void => {
    const step = steps[at];
    if (step === undefined || !runner.speaks()) return;
    const said = step();
    if (said !== undefined) runner.say(said);
    scheduler.after(500 * random.next(), 'errand goes on', () => next(at + 1));
  };
  next(0);
}
