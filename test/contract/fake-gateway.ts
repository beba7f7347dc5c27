/** A gateway that answers as a test tells it, and remembers what it was asked. */
import type { PostAnswer } from '../../adapters/memory/outbox.ts';

/** A status; the two kinds of 429; a connection cut before any answer. */
export type FakeAnswer = number | 'rate' | 'buffer' | 'cut';

export interface FakePost {
  readonly connectionId: string;
  readonly text: string;
  readonly answer: FakeAnswer;
}

export interface FakeGateway {
  /** Answers to the posts for this connection, in order; the last stands for all that follow. */
  script(connectionId: string, ...answers: FakeAnswer[]): void;
  /** Called at each post, before its answer. */
  onPost(listener: () => void): void;
  /** The next answer; `cut` is for an adapter's test to turn into a broken connection. */
  answer(connectionId: string, payload: Uint8Array): FakeAnswer;
  /** 204, or 410 when it was deleted before. */
  remove(connectionId: string): 204 | 410;
  readonly posts: readonly FakePost[];
  readonly removed: readonly string[];
}

export function fakeGateway(): FakeGateway {
  const scripts = new Map<string, FakeAnswer[]>();
  const posts: FakePost[] = [];
  const removed: string[] = [];
  let listener = () => {};
  return {
    posts,
    removed,
    script(connectionId, ...answers) {
      scripts.set(connectionId, answers);
    },
    onPost(given) {
      listener = given;
    },
    answer(connectionId, payload) {
      listener();
      const script = scripts.get(connectionId) ?? [200];
      const answer = (script.length > 1 ? script.shift() : script[0]) ?? 200;
      posts.push({ connectionId, text: Buffer.from(payload).toString(), answer });
      return answer;
    },
    remove(connectionId) {
      const status = removed.includes(connectionId) ? 410 : 204;
      removed.push(connectionId);
      return status;
    },
  };
}

/** The same as a call's answer. Throws for `cut`. */
export function asCall(answer: FakeAnswer): PostAnswer {
  if (answer === 'cut') throw new Error('The connection to the gateway was cut');
  if (answer === 'rate' || answer === 'buffer') return { status: 429, reason: answer };
  return answer === 200 ? answer : { status: answer };
}
