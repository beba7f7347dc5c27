/**
 * One kept-alive connection to the gateway, one request at a time on it. It may be used again only
 * after an answer whose end was certain, with all of the request written; any octet that nobody
 * asked for, and any end, is the end of it.
 */
import type { Socket } from 'node:net';
import { requestWriter } from './request.ts';
import { type Response, readResponse } from './response.ts';
import type { SignedRequest } from './signature.ts';

/** Who waits for the answer. */
export interface Asker {
  readonly request: SignedRequest;
  readonly body: Uint8Array;
  /** One of the two is called, once. `silent`: closed before the first octet of an answer. */
  answered(response: Response): void;
  failed(cause: Error, silent: boolean): void;
}

export class Wire {
  /** Answers it has brought. */
  served = 0;
  /** Milliseconds since 1970. */
  idleSince = 0;
  private asker: Asker | undefined;
  /** Of the answer under way. */
  private received: Buffer | undefined;
  private readonly socket: Socket;
  private readonly octetsOf = requestWriter();

  /** `socket` is open, and what it reads is given to `hear`. `onEnd` is called once, last. */
  constructor(socket: Socket, onEnd: () => void) {
    this.socket = socket;
    let cause = new Error('The gateway closed the connection');
    socket.on('end', () => this.hear(NOTHING, true));
    socket.on('error', (error) => {
      cause = error;
    });
    socket.on('close', () => {
      this.fail(cause, this.received === undefined);
      onEnd();
    });
  }

  get usable(): boolean {
    return this.asker === undefined && this.socket.writable;
  }

  /** Writes the request. `asker` is told when it is answered or the connection is over. */
  exchange(asker: Asker): void {
    this.asker = asker;
    try {
      this.socket.write(this.octetsOf(asker.request, asker.body));
    } catch (cause) {
      this.fail(asError(cause), false);
    }
  }

  cut(cause?: Error): void {
    this.socket.destroy(cause);
  }

  /** `octets` are good until it returns. */
  hear(octets: Buffer, ended: boolean): void {
    if (this.asker === undefined || (ended && this.received === undefined)) {
      this.cut();
      return;
    }
    try {
      const all = this.received === undefined ? octets : Buffer.concat([this.received, octets]);
      const response = readResponse(all, ended);
      if (response === undefined) {
        this.received = all === octets ? Buffer.from(octets) : all;
        return;
      }
      if (!response.reusable || this.socket.writableLength > 0) this.cut();
      this.served += 1;
      const { asker } = this;
      this.asker = undefined;
      this.received = undefined;
      asker.answered(response);
    } catch (cause) {
      this.cut(asError(cause));
    }
  }

  private fail(cause: Error, silent: boolean): void {
    const { asker } = this;
    this.asker = undefined;
    this.received = undefined;
    asker?.failed(cause, silent);
  }
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('No response', { cause });
}

const NOTHING = Buffer.alloc(0);
