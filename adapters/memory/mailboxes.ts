/** Mailboxes in this process's memory. Waiting is told by the calls that end it. */
import { sessionOf } from '../../broker/address.ts';
import type { Limits } from '../../broker/limits.ts';
import type { Clock, Gates, Lease, Mailbox, MailboxClosed, Mailboxes } from '../../broker/ports.ts';
import { makeWaiters } from '../mailbox/waiters.ts';

interface Box {
  readonly connectionId: string;
  posts: Uint8Array[];
  bytes: number;
  receiver: string | undefined;
  until: number;
  expiresAt: number;
  closed: MailboxClosed | undefined;
  socket?: string;
  probedUntil?: number;
}

/** Each opening may drop this many expired ones, so sweeping keeps up. */
const SWEPT_PER_CALL = 8;

export function memoryMailboxes(world: {
  readonly clock: Clock;
  readonly limits: Limits;
}): Mailboxes & Gates {
  const { clock, limits } = world;
  const boxes = new Map<string, Box>();
  const waiters = makeWaiters();

  function live(session: string): Box | undefined {
    const box = boxes.get(session);
    return box !== undefined && box.expiresAt > clock.now() ? box : undefined;
  }

  /** The connection's own mailbox, not one of its name's next life. */
  function mine(connectionId: string): Box | undefined {
    const box = live(sessionOf(connectionId));
    return box?.connectionId === connectionId && box.closed === undefined ? box : undefined;
  }

  function sweep(): void {
    let left = SWEPT_PER_CALL;
    for (const [session, box] of boxes) {
      if (left-- === 0) return;
      boxes.delete(session);
      // Those alive go to the back of the row: each has its turn.
      if (box.expiresAt > clock.now()) boxes.set(session, box);
    }
  }

  return {
    async open(session, connectionId, lease) {
      sweep();
      if (live(session) !== undefined) return 'exists';
      const box = { connectionId, posts: [], bytes: 0, receiver: undefined, closed: undefined };
      boxes.set(session, { ...box, ...leased(lease) });
      return 'opened';
    },

    async find(session) {
      return shown(live(session));
    },

    async append(connectionId, posts) {
      const box = mine(connectionId);
      if (box === undefined) return 'gone';
      if (box.socket !== undefined) return { socket: box.socket };
      const bytes = posts.reduce((sum, post) => sum + post.length, box.bytes);
      if (bytes > limits.mailboxBytesMax) return 'full';
      if (box.posts.length + posts.length > limits.mailboxPostsMax) return 'full';
      box.posts.push(...posts);
      box.bytes = bytes;
      await waiters.wake(sessionOf(connectionId));
      return 'done';
    },

    async receive(session, lease) {
      const box = live(session);
      if (box === undefined) return 'unknown';
      if (box.closed === undefined && box.socket === undefined) {
        const held = box.receiver !== undefined && box.receiver !== lease.receiver;
        if (held && box.until > clock.now()) return 'busy';
        Object.assign(box, leased(lease));
      }
      return shown(box) ?? 'unknown';
    },

    async take(session, receiver) {
      const box = live(session);
      if (box === undefined || (box.socket !== undefined && box.closed === undefined))
        return 'lost';
      const { posts, closed } = box;
      if (closed === undefined && box.receiver !== receiver) return 'lost';
      if (posts.length > 0) box.posts = [];
      box.bytes = 0;
      return closed === undefined ? { posts } : { posts, closed };
    },

    async release(session, receiver, expiresAt) {
      const box = live(session);
      if (box?.receiver !== receiver) return;
      box.receiver = undefined;
      box.expiresAt = expiresAt;
    },

    async close(connectionId, closed, expiresAt) {
      const box = mine(connectionId);
      if (box === undefined) return false;
      box.closed = closed;
      box.expiresAt = box.socket === undefined ? Math.max(box.expiresAt, expiresAt) : expiresAt;
      void waiters.wake(sessionOf(connectionId));
      return true;
    },

    async probe(session, until) {
      const box = live(session);
      if (box === undefined || box.socket !== undefined) return false;
      box.probedUntil = until;
      return true;
    },

    async move(session, socket) {
      const box = live(session);
      if (box === undefined || box.closed !== undefined || box.receiver !== socket) return 'lost';
      if (box.posts.length > 0) return 'waiting';
      box.socket = socket;
      return 'moved';
    },

    changed: (session, milliseconds, signal) =>
      waiters.wait(session, { milliseconds, signal, settled: () => isSettled(live(session)) }),
  };
}

function leased({ receiver, until, expiresAt }: Lease) {
  return { receiver, until, expiresAt };
}

function shown(box: Box | undefined): Mailbox | undefined {
  if (box === undefined) return undefined;
  const { connectionId, closed, socket, probedUntil } = box;
  return {
    connectionId,
    ...(closed === undefined ? {} : { closed }),
    ...(socket === undefined ? {} : { socket }),
    ...(probedUntil === undefined ? {} : { probedUntil }),
  };
}

function isSettled(box: Box | undefined): boolean {
  return box === undefined || box.closed !== undefined || box.posts.length > 0;
}
