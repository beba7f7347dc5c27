/**
 * HTTP sessions of one service: opened by their first receiver, kept by the next, gone when none
 * has come for some seconds. What is known of a session is its mailbox; this process remembers
 * nothing but timers, and those only make the end of a session be told sooner.
 */
import { sessionConnectionId } from '../broker/address.ts';
import type { Limits } from '../broker/limits.ts';
import type { Clock, Ids, Log, Mailbox, MailboxClosed, Mailboxes, Timer } from '../broker/ports.ts';
import type { Reply } from './exchange.ts';
import { type Form, type ReceiverEnd, receive } from './receiver.ts';

/** What stands behind the sessions: the broker, an echo. */
export interface SessionService {
  /** A session has begun; nothing was told to its client yet. */
  opened(connectionId: string): Promise<void>;
  /** Its client said something. */
  heard(connectionId: string, texts: readonly string[]): Promise<void>;
  /** Its client is gone. May come twice, late, or never. */
  lost(connectionId: string): Promise<void>;
}

export interface SessionWorld {
  readonly mailboxes: Mailboxes;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly log: Log;
}

/** A request's place in its session. */
export interface Attached {
  readonly session: string;
  readonly connectionId: string;
  readonly receiver: string;
  /** True: this request opened the session. */
  readonly fresh: boolean;
  readonly closed?: MailboxClosed;
  readonly socket?: string;
  readonly probedUntil?: number;
}

export interface Hold {
  readonly reply: Reply;
  readonly form: Form;
  readonly streaming: boolean;
  readonly bytesMax: number;
  readonly bytes: number;
  /** @default what the limits say */
  readonly holdMilliseconds?: number;
}

export interface Sessions {
  readonly service: SessionService;
  find(session: string): Promise<Mailbox | undefined>;
  /** Makes a request the receiver, of a new session if there is none. */
  attach(session: string, streaming: boolean): Promise<Attached | 'busy'>;
  /** Writes what comes, and lets go. */
  hold(attached: Attached, hold: Hold): Promise<ReceiverEnd>;
  /** Lets go without holding: the client is to ask again. */
  release(attached: Attached): Promise<void>;
  /** Ends a session: what waits may still be fetched, then the reason. */
  close(connectionId: string, closed: MailboxClosed): Promise<void>;
  /** Forgets the timers. */
  stop(): void;
}

export interface SessionOptions {
  readonly service: SessionService;
  /** Without a receiver a session is gone after this. */
  readonly sessionSeconds: number;
  /** True: a client that was cut off may come back; false: it is over (SockJS). */
  readonly keepsInterrupted: boolean;
}

/** Of a session that is, or was lately, without a receiver. */
interface Watch {
  connectionId: string;
  /** When it expires, in ms; undefined: somebody receives. */
  due: number | undefined;
  cancel: () => void;
}

/** Behind the expiry, so that it is seen. */
const WATCH_MARGIN_MILLISECONDS = 10;

const INTERRUPTED = { code: 1002, reason: 'Connection interrupted' };

export function makeSessions(world: SessionWorld, options: SessionOptions): Sessions {
  const { mailboxes, clock, timer, ids, limits, log } = world;
  const { service, sessionSeconds } = options;
  const watchMilliseconds = sessionSeconds * 1000 + WATCH_MARGIN_MILLISECONDS;
  const watches = new Map<string, Watch>();
  let stopped = false;

  const holdSeconds = (streaming: boolean) =>
    streaming ? limits.streamSeconds : limits.holdSeconds;

  /** A receiver has come. */
  function unwatch(session: string): void {
    const watch = watches.get(session);
    if (watch !== undefined) watch.due = undefined;
  }

  /**
   * Looks, when the session may have expired, whether it has. One timer serves a session's receivers
   * as they come and go; it is set anew when it has run out, not with each of them.
   */
  function watch({ session, connectionId }: Attached): void {
    if (stopped) return;
    const due = clock.now() + watchMilliseconds;
    const known = watches.get(session);
    if (known !== undefined) {
      known.connectionId = connectionId;
      known.due = due;
      return;
    }
    const fresh: Watch = { connectionId, due, cancel: () => undefined };
    watches.set(session, fresh);
    arm(session, fresh, due);
  }

  function arm(session: string, watch: Watch, due: number): void {
    // Not longer than a watch takes: the clock may have been set back, and be set right again.
    const left = Math.min(Math.max(0, due - clock.now()), watchMilliseconds);
    watch.cancel = timer.after(left, () => {
      if (watch.due !== undefined && watch.due > clock.now()) return arm(session, watch, watch.due);
      watches.delete(session);
      if (watch.due === undefined) return;
      const { connectionId } = watch;
      check(session, connectionId).catch((cause) =>
        log.error('session-watch', cause, { connectionId }),
      );
    });
  }

  async function check(session: string, connectionId: string): Promise<void> {
    const found = await mailboxes.find(session);
    if (found?.connectionId === connectionId && found.closed === undefined) return;
    await service.lost(connectionId);
  }

  async function close(connectionId: string, closed: MailboxClosed): Promise<void> {
    await mailboxes.close(connectionId, closed, clock.now() + sessionSeconds * 1000);
  }

  async function release(attached: Attached): Promise<void> {
    const expiresAt = clock.now() + sessionSeconds * 1000;
    await mailboxes.release(attached.session, attached.receiver, expiresAt);
    watch(attached);
  }

  return {
    service,
    find: mailboxes.find,
    async attach(session, streaming) {
      unwatch(session);
      const receiver = ids.random();
      const now = clock.now();
      const until = now + (holdSeconds(streaming) + limits.leaseMarginSeconds) * 1000;
      const lease = { receiver, until, expiresAt: until + sessionSeconds * 1000 };
      const found = await mailboxes.receive(session, lease);
      if (found === 'busy') return 'busy';
      if (found !== 'unknown') return { session, receiver, fresh: false, ...found };
      const connectionId = sessionConnectionId(session, now.toString(36));
      if ((await mailboxes.open(session, connectionId, lease)) === 'exists') return 'busy';
      await service.opened(connectionId);
      return { session, connectionId, receiver, fresh: true };
    },
    async hold(attached, { reply, form, streaming, bytesMax, bytes, holdMilliseconds }) {
      const { session, connectionId, receiver } = attached;
      const end = await receive({
        mailboxes,
        clock,
        session,
        receiver,
        reply,
        form,
        streaming,
        bytesMax,
        bytes,
        holdMilliseconds: holdMilliseconds ?? holdSeconds(streaming) * 1000,
        beatMilliseconds: limits.streamBeatSeconds * 1000,
      });
      if (end === 'interrupted' && !options.keepsInterrupted) {
        await close(connectionId, INTERRUPTED);
        await service.lost(connectionId);
      } else if (end === 'served' || end === 'interrupted') {
        await release(attached);
      }
      return end;
    },
    release,
    close,
    stop() {
      stopped = true;
      for (const { cancel } of watches.values()) cancel();
      watches.clear();
    },
  };
}
