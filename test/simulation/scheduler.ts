/**
 * All time and all order of a simulation. Whatever happens is an event at a virtual time; events of
 * one time are shuffled. Between two events everything that can go on does: microtasks run dry
 * (`setImmediate` fires behind them), so the next event is chosen in a settled world and one seed is
 * one history. No real timer is used; a virtual hour costs what its events cost.
 */
import { type Random, seeded } from './random.ts';

export interface Scheduler {
  readonly random: Random;
  /** Milliseconds since 1970, whole. */
  now(): number;
  /** The same with its fraction. */
  readonly time: number;
  /** Calls `action` once, that much later, unless the returned function is called before. */
  after(milliseconds: number, what: string, action: () => void): () => void;
  /** Runs events until the time is `milliseconds` after now, or nothing is left. */
  run(milliseconds: number): Promise<void>;
  /** Adds to the trace. The detail is written only in a verbose run and is no part of the hash. */
  note(what: string, detail?: () => string): void;
  /** Over every event and note so far: equal for equal histories. */
  traceHash(): string;
  lastEvents(): readonly string[];
  readonly events: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly what: string;
  action: (() => void) | undefined;
}

/** Lines of trace that a failure prints. */
const LINES_KEPT = 120;
/** A Sunday in 2027: nothing depends on it. */
const START = 1_800_000_000_000;

export function makeScheduler(seed: number, verbose = false): Scheduler {
  const random = seeded(seed);
  const heap = makeHeap();
  const lines: string[] = [];
  let time = START;
  let events = 0;
  let hash = 0x811c9dc5;

  function note(what: string, detail?: () => string): void {
    for (let at = 0; at < what.length; at++) {
      hash = Math.imul(hash ^ what.charCodeAt(at), 0x01000193);
    }
    hash = Math.imul(hash ^ (Math.floor((time - START) * 1000) | 0), 0x01000193);
    const shown = verbose && detail !== undefined ? `${what}  ${detail()}` : what;
    lines.push(`${((time - START) / 1000).toFixed(4).padStart(9)} ${shown}`);
    if (!verbose && lines.length > 2 * LINES_KEPT) lines.splice(0, LINES_KEPT);
  }

  return {
    random,
    now: () => Math.floor(time),
    get time() {
      return time;
    },
    after(milliseconds, what, action) {
      const event: Event = { at: time + milliseconds, order: random.next(), what, action };
      heap.push(event);
      return () => {
        event.action = undefined;
      };
    },
    async run(milliseconds) {
      const until = time + milliseconds;
      await settled();
      for (let event = heap.peek(); event !== undefined && event.at <= until; event = heap.peek()) {
        heap.pop();
        if (event.action === undefined) continue;
        time = Math.max(time, event.at);
        events++;
        note(event.what);
        event.action();
        await settled();
      }
      time = until;
    },
    note,
    traceHash: () => (hash >>> 0).toString(16).padStart(8, '0'),
    lastEvents: () => (verbose ? lines : lines.slice(-LINES_KEPT)),
    get events() {
      return events;
    },
  };
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Heap {
  push(event: Event): void;
  peek(): Event | undefined;
  pop(): void;
}

function makeHeap(): Heap {
  const items: Event[] = [];
  const before = (a: Event, b: Event) => a.at < b.at || (a.at === b.at && a.order < b.order);

  function sink(): void {
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      let least = at;
      for (const child of [left, left + 1]) {
        const [one, other] = [items[child], items[least]];
        if (one !== undefined && other !== undefined && before(one, other)) least = child;
      }
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  }

  function swap(one: number, other: number): void {
    const [a, b] = [items[one], items[other]];
    if (a === undefined || b === undefined) return;
    items[one] = b;
    items[other] = a;
  }

  return {
    push(event) {
      items.push(event);
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        const [one, other] = [items[at], items[parent]];
        if (one === undefined || other === undefined || !before(one, other)) return;
        swap(at, parent);
        at = parent;
      }
    },
    peek: () => items[0],
    pop() {
      const last = items.pop();
      if (last === undefined || items.length === 0) return;
      items[0] = last;
      sink();
    },
  };
}
