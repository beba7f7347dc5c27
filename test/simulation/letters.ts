/**
 * What a client sends: letters that wait for a connection, and those under a publish id that got no
 * RECEIPT, which go out again, under the same id, on the next.
 */

import type { Scheduler } from './scheduler.ts';
import type { Said } from './speech.ts';
import type { Sent, Truth } from './truth.ts';

/** A message to send. */
export interface Letter {
  readonly destination: string;
  readonly body: string;
  readonly receipt: boolean;
  readonly publishId?: string;
  readonly exceptSelf: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Letters {
  /** For the next connection. */
  wait(letters: readonly Letter[]): void;
  /** All that wait: no longer here. */
  take(): readonly Letter[];
  /** The connection is gone: what is in doubt waits again. */
  doubt(): void;
  /** As a frame on this connection; from now on it is sent. */
  frame(letter: Letter, link: Outbound): Said;
}

/** A connection, as far as letters go. */
export interface Outbound {
  readonly id: string;
  sends: number;
  /** A receipt to ask for, and what to do when it comes. */
  receipt(then: (said: Said) => void): string;
}

export function makeLetters(client: string, scheduler: Scheduler, truth: Truth): Letters {
  let waiting: Letter[] = [];
  const doubtful = new Map<string, Letter>();

  function recorded(letter: Letter, link: Outbound): Sent {
    const before = truth.sents.get(letter.body);
    if (before !== undefined) {
      before.repeated = true;
      return before;
    }
    const { destination, body, publishId, exceptSelf, receipt: asked, headers = {} } = letter;
    const { id: connectionId } = link;
    const sent: Sent = {
      body,
      destination,
      client,
      connectionId,
      index: link.sends++,
      at: scheduler.now(),
      publishId,
      exceptSelf,
      headers,
      asked,
      repeated: false,
    };
    truth.observe({ type: 'sent', sent });
    return sent;
  }

  return {
    wait: (letters) => void waiting.push(...letters),
    take() {
      const all = waiting;
      waiting = [];
      return all;
    },
    doubt() {
      waiting.push(...doubtful.values());
      doubtful.clear();
    },
    frame(letter, link) {
      const { destination, body, publishId } = letter;
      const sent = recorded(letter, link);
      const headers: Record<string, string> = { destination, ...letter.headers };
      if (publishId !== undefined) headers['publish-id'] = publishId;
      if (letter.exceptSelf) headers['except'] = client;
      if (letter.receipt) {
        headers['receipt'] = link.receipt(() => {
          doubtful.delete(body);
          sent.receiptedAt ??= scheduler.now();
          truth.observe({ type: 'receipted', sent });
        });
        if (publishId !== undefined) doubtful.set(body, letter);
      }
      return { command: 'SEND', headers, body };
    },
  };
}
