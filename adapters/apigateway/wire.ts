/**
 * One kept-alive connection to the gateway, one request at a time on it. It may be used again only
 * after an answer whose end was certain, with all of the request written; any octet that nobody
 * asked for, and any end, is the end of it.
 */
import type { Socket } from 'node:net';
import { requestWriter } from './request.ts';
import { type Response, readResponse } from './response.ts';
import type { SignedRequest } from './signature.ts';

/** `silent`: closed before the first octet of an answer. */
export type Exchanged =
  | { readonly response: Response }
  | { readonly cause: Error; readonly silent: boolean };

export class Wire {
  /** Answers it has brought. */
  served = 0;
  private settle: ((exchanged: Exchanged) => void) | undefined;
  /** Of the answer under way. */
  private received: Buffer | undefined;
  private readonly socket: Socket;
  private readonly octetsOf = requestWriter();

  /** `socket` is open. `onEnd` is called once, after the last exchange is settled. */
  constructor(socket: Socket, onEnd: () => void) {
    this.socket = socket;
    let cause = new Error('The gateway closed the connection');
    socket.on('data', (octets: Buffer) => this.hear(octets, false));
    socket.on('end', () => this.hear(NOTHING, true));
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => {
      this.finish({ cause, silent: this.received === undefined });
      onEnd();
    });
  }

  get usable(): boolean {
    return this.settle === undefined && this.socket.writable && !this.socket.destroyed;
  }

  /** Writes the request; `settle` is called once, when it is answered or the connection is over. */
  exchange(post: SignedRequest, body: Uint8Array, settle: (exchanged: Exchanged) => void): void {
    this.settle = settle;
    try {
      this.socket.write(this.octetsOf(post, body));
    } catch (cause) {
      this.finish({ cause: asError(cause), silent: false });
    }
  }

  cut(cause?: Error): void {
    this.socket.destroy(cause);
  }

  private hear(octets: Buffer, ended: boolean): void {
    const unasked = this.settle === undefined;
    if (unasked || (ended && this.received === undefined)) {
      this.cut();
      return;
    }
    try {
      this.received = this.received ? Buffer.concat([this.received, octets]) : octets;
      const response = readResponse(this.received, ended);
      if (response === undefined) return;
      if (!response.reusable || this.socket.writableLength > 0) this.cut();
      this.served += 1;
      this.finish({ response });
    } catch (cause) {
      this.cut(asError(cause));
    }
  }

  private finish(exchanged: Exchanged): void {
    const { settle } = this;
    this.settle = undefined;
    this.received = undefined;
    settle?.(exchanged);
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('No response', { cause });
}

const NOTHING = Buffer.alloc(0);
