/**
 * A worker: it consumes queues under any ack mode, acknowledges at its leisure, refuses, forgets,
 * and does errands in transactions; what it sends without a RECEIPT it sends again under its publish
 * id. What it sees and says goes to the checkers.
 */
import type { AckMode } from '../../broker/model.ts';
import { runErrand } from './errand.ts';
import { type Letter, makeLetters } from './letters.ts';
import { type Line, type LineWorld, type Link, makeLine } from './line.ts';
import type { Said } from './speech.ts';
import type { Given, Transaction, Verdict } from './work-truth.ts';

export interface WorkerOptions {
  readonly name: string;
  readonly version: '1.1' | '1.2';
  readonly hasty: boolean;
  /** Acknowledges at once, and does nothing else with what it is given. */
  readonly diligent?: boolean;
  /** Where its errands may send to; none where transactions are not served. */
  readonly places: readonly string[];
}

/** How a queue is consumed. */
export interface Hiring {
  readonly queue: string;
  readonly mode: AckMode;
  readonly prefetch: number;
  readonly selector?: string;
}

export interface Job {
  readonly hiring: Hiring;
  readonly id: string;
  answeredAt?: number;
}

export interface Worker
  extends Pick<Line, 'name' | 'come' | 'quit' | 'cut' | 'unanswered' | 'wantsOnline'> {
  readonly connectionId: string | undefined;
  hire(hiring: Hiring): void;
  leave(queue: string): void;
  send(letters: readonly Letter[]): void;
  /** An errand, with a message in hand should there be one. */
  run(): void;
  /** From now on all is acknowledged at once. */
  calm(): void;
  /** Queues it wants to consume. */
  readonly wants: ReadonlySet<string>;
  /** Live subscriptions, by queue. */
  readonly subscriptions: ReadonlyMap<string, Job>;
}

export function makeWorker(options: WorkerOptions, world: LineWorld): Worker {
  const { scheduler, truth } = world;
  const { random } = scheduler;
  const { name, version } = options;
  const hirings = new Map<string, Hiring>();
  const wants = new Set<string>();
  const jobs = new Map<string, Job>();
  const letters = makeLetters(name, scheduler, truth);
  /** On this connection and not settled, oldest first. */
  let held: Given[] = [];
  /** Of these, what an open transaction has. */
  let claimed = new Map<Given, Transaction>();
  let open = new Set<string>();
  const sent = { count: 0 };
  let calm = options.diligent === true;

  const line: Line = makeLine({ ...options, greet, message, closed }, world);

  function greet(): void {
    for (const hiring of hirings.values()) subscribe(hiring);
    sendAll(letters.take());
  }

  function closed(): void {
    jobs.clear();
    held = [];
    claimed = new Map();
    open = new Set();
    letters.doubt();
  }

  function subscribe(hiring: Hiring): void {
    const link = line.link();
    if (link === undefined) return;
    const { queue, mode, prefetch, selector } = hiring;
    // The same id each time: what is meant for the one before must not hit it.
    const job: Job = { hiring, id: `${mode}-${queue}` };
    jobs.set(queue, job);
    const receipt = link.receipt(() => {
      job.answeredAt ??= scheduler.now();
    });
    const headers = { id: job.id, destination: queue, ack: mode, receipt };
    const wish = { 'prefetch-count': String(prefetch), ...(selector ? { selector } : {}) };
    line.say({ command: 'SUBSCRIBE', headers: { ...headers, ...wish }, body: '' });
  }

  function sendAll(all: readonly Letter[]): void {
    const link = line.link();
    if (link === undefined) letters.wait(all);
    else line.say(...all.map((letter) => letters.frame(letter, link)));
  }

  function message({ headers, body }: Said): void {
    const link = line.link();
    const subscription = headers['subscription'] ?? '';
    const [, mode = '', queue = ''] = /^([a-z-]+)-(\/.*)$/.exec(subscription) ?? [];
    if (mode !== 'auto' && mode !== 'client' && mode !== 'client-individual') {
      world.report('speech', `${name}: a MESSAGE of no subscription, ${body}`);
      return;
    }
    const connectionId = line.connectionId ?? link?.id ?? '';
    const at = scheduler.now();
    const given: Given = {
      queue,
      body,
      connectionId,
      subscription,
      mode,
      headers,
      at,
      verdicts: [],
    };
    truth.observe({ type: 'given', given });
    // The same delivery once more keeps the place of its first coming.
    const known = held.some((one) => one.headers['ack'] === headers['ack']);
    if (mode === 'auto' || link === undefined || known) return;
    held.push(given);
    consider(given, link);
  }

  /** What becomes of it is drawn now, and done later. */
  function consider(given: Given, link: Link): void {
    const dice = calm ? 0 : random.next();
    const slow = dice > 0.9 ? 20_000 : 3000;
    scheduler.after((calm ? 50 : slow) * random.next(), `${name} decides`, () => {
      if (line.link() !== link || !held.includes(given) || claimed.has(given)) return;
      if (dice < 0.6 || dice > 0.9) settle(given, 'ack');
      else if (dice < 0.72) settle(given, 'nack');
      else if (dice < 0.78) settle(given, 'refuse');
      else run(given);
    });
  }

  function settle(given: Given, how: Verdict['how'], transaction?: Transaction): void {
    const said = verdict(given, how, transaction);
    if (said !== undefined) line.say(said);
  }

  /** With ack:client all that came before, by the same subscription, as well. */
  function coveredBy(given: Given, at: number): readonly Given[] {
    if (given.mode !== 'client') return [given];
    const { subscription } = given;
    return held.filter((one, index) => index <= at && one.subscription === subscription);
  }

  /** The frame that says so; with ack:client it covers what came before. */
  function verdict(given: Given, how: Verdict['how'], transaction?: Transaction): Said | undefined {
    const link = line.link();
    const at = held.indexOf(given);
    if (link === undefined || at < 0) return undefined;
    const covered = coveredBy(given, at);
    const said: Verdict = {
      how,
      at: scheduler.now(),
      ...(transaction === undefined ? {} : { transaction }),
    };
    for (const one of covered) {
      one.verdicts.push(said);
      if (transaction !== undefined) claimed.set(one, transaction);
    }
    if (transaction === undefined) held = held.filter((one) => !covered.includes(one));
    const receipt = link.receipt(() => {
      said.receiptedAt ??= scheduler.now();
    });
    const inside = transaction === undefined ? {} : { transaction: transaction.name };
    const refused = how === 'refuse' ? { requeue: 'false' } : {};
    return {
      command: how === 'ack' ? 'ACK' : 'NACK',
      headers: { ...nameOf(given), receipt, ...refused, ...inside },
      body: '',
    };
  }

  function nameOf({ headers, subscription }: Given): Record<string, string> {
    return version === '1.2'
      ? { id: headers['ack'] ?? '' }
      : { 'message-id': headers['message-id'] ?? '', subscription };
  }

  /** What it had is settled, or in hand as before. */
  function ended(transaction: Transaction): void {
    const link = line.link();
    for (const [given, by] of [...claimed]) {
      if (by !== transaction) continue;
      claimed.delete(given);
      if (transaction.end === 'commit') held = held.filter((one) => one !== given);
      else if (link !== undefined && held.includes(given)) consider(given, link);
    }
  }

  function run(given = held.find((one) => !claimed.has(one))): void {
    const link = line.link();
    if (link === undefined || options.places.length === 0) return;
    runErrand(given, options.places, link, {
      world,
      open,
      sent,
      say: line.say,
      verdict,
      ended,
      speaks: () => line.link() === link,
    });
  }

  return {
    name,
    wants,
    subscriptions: jobs,
    come: line.come,
    quit: line.quit,
    cut: line.cut,
    unanswered: line.unanswered,
    get wantsOnline() {
      return line.wantsOnline;
    },
    get connectionId() {
      return line.connectionId;
    },
    hire(hiring) {
      if (wants.has(hiring.queue)) return;
      wants.add(hiring.queue);
      hirings.set(hiring.queue, hiring);
      subscribe(hiring);
    },
    leave(queue) {
      const [job, link] = [jobs.get(queue), line.link()];
      if (job?.answeredAt === undefined || link === undefined) return;
      wants.delete(queue);
      hirings.delete(queue);
      jobs.delete(queue);
      held = held.filter(({ subscription }) => subscription !== job.id);
      const receipt = link.receipt(() => undefined);
      line.say({ command: 'UNSUBSCRIBE', headers: { id: job.id, receipt }, body: '' });
    },
    send: sendAll,
    run: () => run(),
    calm() {
      calm = true;
      const link = line.link();
      if (link !== undefined) for (const given of held) consider(given, link);
    },
  };
}
