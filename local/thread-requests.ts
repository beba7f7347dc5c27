/**
 * HTTP requests in environments. A held request waits far more than it works: on AWS it would have
 * an environment of its own, here it runs beside the one invocation that an environment has. Each
 * request goes to the next environment in turn, so that those of one session meet all of them.
 */
import type { HttpHandler, HttpRequest, Reply } from '../lambda/exchange.ts';
import type { Http } from '../lambda/http.ts';
import type { ReplyPart, ToEnvironment } from './thread.ts';

/** In an environment: runs requests, and tells their answers. */
export function environmentRequests(handle: HttpHandler, tell: (part: ReplyPart) => void) {
  const running = new Map<number, AbortController>();
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
        .finally(() => running.delete(call));
    },
    gone(call: number): void {
      running.get(call)?.abort();
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
    return found;
  }

  return {
    handle(request, reply) {
      const chosen = next();
      if (chosen === undefined) throw new Error('There is no environment');
      calls += 1;
      const call = calls;
      reply.gone.addEventListener('abort', () => chosen.tell({ type: 'gone', call }));
      return new Promise((resolve, reject) => {
        pending.set(call, { environment: chosen.environment, reply, resolve, reject });
        chosen.tell({ type: 'request', call, request });
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
        pending.delete(call);
        one.reject(new Error('The environment died'));
      }
    },
    stop: () => undefined,
  };
}
