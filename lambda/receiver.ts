/**
 * One request that receives for a session: it takes what waits in the mailbox and writes it, until
 * its time or its octets are used up, the session closes, or the client has gone. Any environment
 * may run it, for all it knows is in the mailbox.
 */
import type { Clock, MailboxClosed, Mailboxes } from '../broker/ports.ts';
import type { Reply } from './exchange.ts';

export interface Receiver {
  readonly mailboxes: Mailboxes;
  readonly clock: Clock;
  readonly session: string;
  /** Its lease's name. */
  readonly receiver: string;
  readonly reply: Reply;
  readonly form: Form;
  /** False: the first thing written is the last. */
  readonly streaming: boolean;
  readonly holdMilliseconds: number;
  readonly beatMilliseconds: number;
  /** A stream ends once so many octets were written… */
  readonly bytesMax: number;
  /** …of which so many are there already. */
  readonly bytes: number;
}

/** How a transport writes. */
export interface Form {
  posts(posts: readonly Uint8Array[]): string | Uint8Array;
  closed(closed: MailboxClosed): string;
  readonly beat: string;
}

/**
 * `served`: the client is expected to ask again. `closed`: it was told so. `lost`: the session is
 * gone, or another receives. `interrupted`: the client went, and what was taken last may be lost.
 */
export type ReceiverEnd = 'served' | 'closed' | 'lost' | 'interrupted';

export async function receive(options: Receiver): Promise<ReceiverEnd> {
  const { mailboxes, clock, session, receiver, reply, form, streaming } = options;
  const end = clock.now() + options.holdMilliseconds;
  let bytes = options.bytes;
  let beat = 0;
  while (!reply.gone.aborted) {
    const taken = await mailboxes.take(session, receiver);
    if (taken === 'lost') return 'lost';
    const { posts, closed } = taken;
    if (posts.length > 0) {
      bytes += await writePosts(posts, options);
      beat = 0;
      if (!streaming || (bytes >= options.bytesMax && closed === undefined)) break;
    }
    if (closed !== undefined) {
      await reply.write(form.closed(closed));
      return 'closed';
    }
    if (beat === 0) beat = clock.now() + options.beatMilliseconds;
    if (posts.length === 0 && (await idle({ end, beat }, options)) === 'over') break;
    if (clock.now() >= beat) beat = 0;
  }
  return reply.gone.aborted ? 'interrupted' : 'served';
}

/** Waits for something to take, at most until a beat is due or the hold is over. */
async function idle(
  { end, beat }: { readonly end: number; readonly beat: number },
  { mailboxes, clock, session, reply, form, streaming }: Receiver,
): Promise<'on' | 'over'> {
  await mailboxes.changed(session, Math.min(end, beat) - clock.now(), reply.gone);
  const over = clock.now() >= end;
  // A poll must answer something, once; a stream that ends says nothing.
  if (over ? !streaming : streaming && clock.now() >= beat) await reply.write(form.beat);
  return over ? 'over' : 'on';
}

/** How many octets that were. */
async function writePosts(
  posts: readonly Uint8Array[],
  { reply, form }: Receiver,
): Promise<number> {
  const chunk = form.posts(posts);
  await reply.write(chunk);
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length;
}
