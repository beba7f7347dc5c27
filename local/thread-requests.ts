/**
 * HTTP requests in environments. A held request waits far more than it works: on AWS it would have
 * an environment of its own, here it runs beside the one invocation that an environment has. Each
 * request goes to the next environment in turn, so that those of one session meet all of them.
 */
import type { HttpHandler, HttpRequest, Reply } from '../lambda/exchange.ts';
import type { Http } from '../lambda/http.ts';
import type { ReplyPart, ToEnvironment } from './thread.ts';

/** What is left to requests at the end of their environment; none needs it, if nothing hangs. */
const LEAVING_MILLISECONDS = 1000;

/** In an environment: runs requests, and tells their answers. */
export function environmentRequests(handle: HttpHandler, tell: (part: ReplyPart) => void) {
  const running = new Map<number, AbortController>();
  const ended = new Set<() => void>();
  return {
    start(call: number, request: HttpRequest): void {
      const gone = new AbortController();
      running.set(call, gone);
      const reply: Reply = {
        gone: gone.signal,
        start: (status, headers) => tell({ type: 'started', call, status, headers }),
        write: async (chunk) => tell({ type: 'wrote', call, chunk }),
        end: () => tell({ type: 'ended', call }),
      };
      handle(request, reply)
        .catch((cause: unknown) => {
          const fault = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
          tell({ type: 'broke', call, fault });
        })
        .finally(() => {
          running.delete(call);
          if (running.size === 0) for (const tellEnd of ended) tellEnd();
        });
    },
    gone(call: number): void {
      running.get(call)?.abort();
    },
    /** Their clients are gone: what they use may be closed once they have noticed. */
    async stop(): Promise<void> {
      for (const gone of running.values()) gone.abort();
      if (running.size === 0) return;
      await new Promise<void>((resolve) => {
        const hanging = setTimeout(resolve, LEAVING_MILLISECONDS);
        ended.add(() => {
          clearTimeout(hanging);
          resolve();
        });
      });
    },
  };
}

export interface RequestPool extends Http {
  hear(part: ReplyPart): void;
  /** An environment is no more: its requests break. */
  buried(environment: object): void;
}

interface Pending {
  readonly environment: object;
  readonly reply: Reply;
  /** Listens for its client to leave. */
  readonly gone: () => void;
  readonly resolve: () => void;
  readonly reject: (cause: Error) => void;
}

/** In the main thread. `next` gives an environment and how to tell it something. */
export function requestPool(
  next: () => { readonly environment: object; tell(message: ToEnvironment): void } | undefined,
): RequestPool {
  const pending = new Map<number, Pending>();
  let calls = 0;

  function settle(call: number): Pending | undefined {
    const found = pending.get(call);
    pending.delete(call);
    found?.reply.gone.removeEventListener('abort', found.gone);
    return found;
  }

  return {
    handle(request, reply) {
      const chosen = next();
      if (chosen === undefined) throw new Error('There is no environment');
      calls += 1;
      const call = calls;
      return new Promise((resolve, reject) => {
        const gone = (): void => chosen.tell({ type: 'gone', call });
        const { environment } = chosen;
        pending.set(call, { environment, reply, gone, resolve, reject });
        chosen.tell({ type: 'request', call, request });
        // It may have left while its body was read.
        if (reply.gone.aborted) gone();
        else reply.gone.addEventListener('abort', gone);
      });
    },
    hear(part) {
      switch (part.type) {
        case 'started':
          pending.get(part.call)?.reply.start(part.status, part.headers);
          return;
        case 'wrote':
          void pending.get(part.call)?.reply.write(part.chunk);
          return;
        case 'ended': {
          const found = settle(part.call);
          found?.reply.end();
          found?.resolve();
          return;
        }
        case 'broke':
          settle(part.call)?.reject(new Error(part.fault));
          return;
        default:
          part satisfies never;
      }
    },
    buried(environment) {
      for (const [call, one] of pending) {
        if (one.environment !== environment) continue;
        settle(call);
        one.reject(new Error('The environment died'));
      }
    },
    stop: () => undefined,
  };
}
