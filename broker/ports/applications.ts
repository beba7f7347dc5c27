/** The operator's own code. */
import type { Destination } from '../destination.ts';

/** What an application is told: plain data, and the same `id` if it is told twice. */
export interface ApplicationRequest {
  readonly event: 'message' | 'connect' | 'subscribe' | 'publish';
  readonly id: string;
  readonly connection: {
    readonly id: string;
    readonly session?: string;
    readonly user?: string;
    readonly connectedAt: number;
  };
  /** As spelt; absent on connect. */
  readonly destination?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a message. Text, or base64 if `bodyEncoding` says so. */
  readonly body?: string;
  readonly bodyEncoding?: 'base64';
}

export interface ApplicationMessage {
  readonly headers?: Readonly<Record<string, string>>;
  /** A text; anything else is sent as JSON. */
  readonly body?: unknown;
}

/** What it wants: nothing, a refusal, an answer to whoever sent it, messages to others. */
export interface ApplicationAnswer {
  /** Words for the client. */
  readonly refuse?: string;
  readonly reply?: ApplicationMessage;
  readonly publish?: readonly (ApplicationMessage & { readonly destination: string })[];
}

export type Application = (request: ApplicationRequest) => Promise<unknown>;

/** The operator's own code, by event and destination. What it answers is looked at by the core. */
export interface Applications {
  find(
    event: ApplicationRequest['event'],
    destination: Destination | undefined,
  ): { readonly application: Application; readonly timeoutSeconds?: number } | undefined;
}
