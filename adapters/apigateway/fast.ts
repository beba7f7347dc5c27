/**
 * `@connections` at a tenth and less of the SDK's CPU a request: signed here, and sent over a sender
 * of our own. Credentials are asked for again each second, so fresh ones sign within one.
 */
import type { Clock } from '../../broker/ports.ts';
import type { Answer, Management } from './management.ts';
import type { Sender, SenderAnswer } from './sender.ts';
import { type Credentials, connectionsSigner, type Method } from './signature.ts';

export interface FastOptions {
  /** The stage's callback URL. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: () => Promise<Credentials>;
  readonly sender: Sender;
  readonly clock: Clock;
}

export function fastManagement({
  endpoint,
  region,
  credentials,
  sender,
  clock,
}: FastOptions): Management {
  const { sign } = connectionsSigner({ endpoint, region });
  let known: Credentials | undefined;
  let knownSecond = 0;
  const request = async (
    method: Method,
    connectionId: string,
    body: Uint8Array,
  ): Promise<Answer> => {
    try {
      const now = clock.now();
      const second = Math.floor(now / 1000);
      if (known === undefined || second !== knownSecond) {
        known = await credentials();
        knownSecond = second;
      }
      const signed = sign({ method, connectionId, body, now }, known);
      return answerOf(await sender.send(signed, body));
    } catch (cause) {
      return { status: undefined, words: '', cause };
    }
  };
  return {
    post: (connectionId, payload) => request('POST', connectionId, payload),
    get: (connectionId) => request('GET', connectionId, NOTHING),
    delete: (connectionId) => request('DELETE', connectionId, NOTHING),
  };
}

const NOTHING = Buffer.alloc(0);
const DONE: Answer = { status: 200, words: '' };

function answerOf({ status, errorType, body }: SenderAnswer): Answer {
  if (status >= 200 && status < 300) return DONE;
  const words = `${errorType} ${body.toString()}`.trim();
  return { status, words, cause: new Error(`The gateway answered ${status}: ${words}`) };
}
