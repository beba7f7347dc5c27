/**
 * One invocation's publishing. Conversations run side by side; what they publish at about the same
 * moment is fanned out together, so that all frames for one connection leave in one post. A flush
 * waits for nobody: it goes once every running conversation has arrived, or on the next turn of the
 * scheduler, whichever is first.
 */

import { appendAll, isDirect, isLogged } from './append.ts';
import { type Faults, fanOut, type Notice, type Publication, type Rounds } from './fanout.ts';
import type { Connection } from './model.ts';
import type { Ports } from './ports.ts';
import { postAll } from './post.ts';

/** Texts for one connection that precede, in its post, whatever is published with them. */
export interface Answer {
  readonly connection: Connection;
  readonly texts: readonly Uint8Array[];
}

export interface Turn {
  /** A conversation begins; the returned function says that it ended. */
  enter(): () => void;
  /**
   * Posts the answer and publishes, in this order per connection. Resolves when every post of this
   * caller's has an outcome, however many others have yet to be made; messages of one caller keep their order, those of different callers mix. Rejects if a
   * destination of this caller's could not be served: another's fault is not its.
   */
  flush(answer: Answer | undefined, publications: readonly (Publication | Notice)[]): Promise<void>;
}

interface Waiting {
  readonly answer: Answer | undefined;
  readonly publications: readonly (Publication | Notice)[];
  readonly done: () => void;
  readonly failed: (cause: unknown) => void;
}

export function makeTurn(ports: Ports): Turn {
  let running = 0;
  let waiting: Waiting[] = [];

  async function drain(): Promise<void> {
    if (waiting.length === 0) return;
    const all = new Set(waiting);
    waiting = [];
    /** Whose destinations have no page left is done: a large audience of another's is not its. */
    const unanswered = new Set<string>();
    const settleSome = (faults: Faults, left: ReadonlySet<string>): void => {
      for (const one of all) {
        if (one.publications.some(({ destination }) => left.has(destination.canonical))) continue;
        all.delete(one);
        settle(one, faults, unanswered);
      }
    };
    try {
      settleSome(await fanOutAll([...all], unanswered, ports, settleSome), NONE);
    } catch (cause) {
      for (const { failed } of all) failed(cause);
    }
  }

  function drainIfAllWait(): void {
    if (waiting.length >= running) void drain();
  }

  return {
    enter() {
      running++;
      return () => {
        running--;
        drainIfAllWait();
      };
    },
    flush(answer, publications) {
      return new Promise((done, failed) => {
        waiting.push({ answer, publications, done, failed });
        if (waiting.length >= running) void drain();
        else if (waiting.length === 1) void ports.timer.sleep(0).then(drain);
      });
    },
  };
}

const NONE: ReadonlySet<string> = new Set();

function settle(
  { answer, publications, done, failed }: Waiting,
  faults: Faults,
  unanswered: ReadonlySet<string>,
): void {
  if (answer !== undefined && unanswered.has(answer.connection.id)) {
    failed(new Error('its client could neither be answered nor cut'));
    return;
  }
  const hit =
    faults.size === 0
      ? undefined
      : publications.find(({ destination }) => faults.has(destination.canonical));
  if (hit === undefined) done();
  else failed(faults.get(hit.destination.canonical));
}

async function fanOutAll(
  all: readonly Waiting[],
  unanswered: Set<string>,
  ports: Ports,
  posted: Rounds['posted'],
): Promise<Faults> {
  const answers = all.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
  const publications =
    all.length === 1 && all[0] ? all[0].publications : all.flatMap((one) => one.publications);
  const logged = publications.filter(isLogged);
  const direct = publications.filter(isDirect);
  const unstored =
    logged.length > 0 && ports.logs !== undefined
      ? await appendAll(logged, ports, ports.logs)
      : NO_FAULTS;
  const withUnstored = (unread: Faults): Faults =>
    unstored.size === 0 ? unread : new Map([...unstored, ...unread]);
  const unread = await fanOut(answers, direct, ports, {
    post: async (deliveries, some) => {
      const posted = await postAll(deliveries, some, ports);
      for (const id of posted.unanswered) unanswered.add(id);
      return posted.outcomes;
    },
    posted: (faults, left) => posted(withUnstored(faults), left),
  });
  return withUnstored(unread);
}

const NO_FAULTS: Faults = new Map();
