/** What the main thread and an environment say to each other. Plain data, cloned on the way. */
import type { Limits } from '../broker/limits.ts';
import type { IngressEvent } from '../broker/ports.ts';
import type { Rule } from '../broker/rules.ts';
import type { SocketioSettings } from '../broker/socketio-settings.ts';
import type { HttpRequest } from '../lambda/exchange.ts';
import type { Handlers } from './handlers.ts';
import type { PostStatus } from './management.ts';
import type { SecuritySettings } from './security.ts';

/** Given to an environment at its birth. */
export interface Birth {
  readonly path: string;
  readonly durable: boolean;
  readonly queued: boolean;
  readonly limits: Partial<Limits>;
  readonly rules: readonly Rule[];
  readonly socketio?: SocketioSettings;
  readonly security: SecuritySettings;
}

export type ToEnvironment =
  | {
      readonly type: 'invoke';
      readonly call: number;
      readonly handler: keyof Handlers;
      readonly event: unknown;
    }
  | { readonly type: 'posted'; readonly call: number; readonly status: PostStatus }
  | { readonly type: 'queued'; readonly call: number; readonly fault?: string }
  | { readonly type: 'request'; readonly call: number; readonly request: HttpRequest }
  | { readonly type: 'gone'; readonly call: number }
  | { readonly type: 'leave' };

export type FromEnvironment =
  | { readonly type: 'ready' }
  | { readonly type: 'done'; readonly call: number; readonly result: unknown }
  | { readonly type: 'failed'; readonly call: number; readonly fault: string }
  | {
      readonly type: 'post';
      readonly call: number;
      readonly connectionId: string;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'delete'; readonly connectionId: string }
  | ReplyPart
  | { readonly type: 'queue'; readonly call: number; readonly event: IngressEvent };

/** An answer to a request, as it is written. */
export type ReplyPart =
  | {
      readonly type: 'started';
      readonly call: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly type: 'wrote'; readonly call: number; readonly chunk: string | Uint8Array }
  | { readonly type: 'ended'; readonly call: number }
  | { readonly type: 'broke'; readonly call: number; readonly fault: string };
