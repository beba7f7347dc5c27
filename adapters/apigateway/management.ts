/** API Gateway's `@connections` as the outbox and the sweep need it; what the answers mean. */
import { SENT, type Verdict, verdictOn } from '../verdict.ts';

/** `status` is undefined when no answer came: a cut connection, a time-out, no such host. */
export interface Answer {
  readonly status: number | undefined;
  /** The gateway's own words; they tell the two kinds of 429 apart. */
  readonly words: string;
  /** Of any status but 2xx. */
  readonly cause?: unknown;
}

/**
 * One request and its answer, without retries: what to do about a refusal is decided above, where
 * it is known how old the connection is and how much patience is left. Never throws.
 */
export interface Management {
  post(connectionId: string, payload: Uint8Array): Promise<Answer>;
  /** Whether it is there. */
  get(connectionId: string): Promise<Answer>;
  delete(connectionId: string): Promise<Answer>;
}

/** Only the gateway's own words tell its two kinds of 429 apart. */
export function judge({ status, words, cause }: Answer): Verdict {
  if (status === 200) return SENT;
  return verdictOn({ status, cause, bufferFull: /buffer/i.test(words) });
}

/** One that is loaded when it is first asked for something. Not loaded, it answers nothing. */
export function loadedManagement(load: () => Promise<Management>): Management {
  let loading: Promise<Management> | undefined;
  const through = async (request: (one: Management) => Promise<Answer>): Promise<Answer> => {
    loading ??= load();
    try {
      return await request(await loading);
    } catch (cause) {
      loading = undefined;
      return { status: undefined, words: '', cause };
    }
  };
  return {
    post: (connectionId, payload) => through((one) => one.post(connectionId, payload)),
    get: (connectionId) => through((one) => one.get(connectionId)),
    delete: (connectionId) => through((one) => one.delete(connectionId)),
  };
}
