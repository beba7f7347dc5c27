/**
 * The sender on kept-alive TLS sockets, without Node's HTTP client, which costs more CPU than the
 * encryption. Requests wait in one line for the next connection that is idle or newly open; the last
 * used is taken first, so that the others may age out. Tests hold it against node:https, answer by
 * answer.
 */
import type { Socket } from 'node:net';
import type { Clock } from '../../broker/ports.ts';
import { Deadlines, type Due } from './deadlines.ts';
import { type Opening, opener } from './opening.ts';
import type { Response } from './response.ts';
import {
  CONNECT_MILLISECONDS_MAX,
  HANDSHAKES_MAX,
  IDLE_MILLISECONDS_MAX,
  REQUEST_MILLISECONDS_MAX,
  type Sender,
  type SenderOptions,
} from './sender.ts';
import type { SignedRequest } from './signature.ts';
import { type Asker, Wire } from './wire.ts';

export interface SocketSenderOptions extends SenderOptions {
  readonly clock: Clock;
}

export function socketSender(options: SocketSenderOptions): Sender {
  const pool = new Pool(options);
  return {
    send: (request, body) => pool.send(request, body),
    close: () => pool.close(),
  };
}

/** A request on its way. Settles once: what comes after that is nothing. */
class Job implements Asker, Due {
  readonly request: SignedRequest;
  readonly body: Uint8Array;
  readonly pool: Pool;
  settled = false;
  /** It stands in line for the second time, and for a new connection. */
  again = false;
  wire: Wire | undefined = undefined;
  expireAt = 0;
  earlier: Due | undefined = undefined;
  later: Due | undefined = undefined;
  private readonly resolve: (response: Response) => void;
  private readonly reject: (cause: unknown) => void;

  constructor(
    { pool, request, body }: Pick<Job, 'pool' | 'request' | 'body'>,
    resolve: (response: Response) => void,
    reject: (cause: unknown) => void,
  ) {
    this.pool = pool;
    this.request = request;
    this.body = body;
    this.resolve = resolve;
    this.reject = reject;
  }

  answered(response: Response): void {
    if (this.settle()) this.resolve(response);
    this.pool.released(this);
  }

  failed(cause: Error, silent: boolean): void {
    const stale = silent && this.wire !== undefined && this.wire.served > 0;
    if (stale && !this.again && !this.settled) {
      this.again = true;
      this.pool.retry(this);
    } else this.refuse(cause);
    this.pool.released(this);
  }

  expire(): void {
    this.refuse(new Error(`No answer within ${this.pool.requestMilliseconds} ms`));
    this.wire?.cut();
  }

  refuse(cause: unknown): void {
    if (this.settle()) this.reject(cause);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.pool.deadlines.leave(this);
    return true;
  }
}

class Pool {
  readonly deadlines: Deadlines;
  readonly requestMilliseconds: number;
  private readonly options: SocketSenderOptions;
  private readonly open: () => Opening;
  private readonly opening = new Set<Socket>();
  private readonly wires = new Set<Wire>();
  private readonly idle: Wire[] = [];
  private readonly line: Job[] = [];
  /** Those that must have a new connection. */
  private readonly lineAgain: Job[] = [];

  constructor(options: SocketSenderOptions) {
    this.options = options;
    this.open = opener(options);
    this.requestMilliseconds = options.requestMilliseconds ?? REQUEST_MILLISECONDS_MAX;
    this.deadlines = new Deadlines({ ...options, milliseconds: this.requestMilliseconds });
  }

  /** The timer of its deadline, not its socket, keeps the process alive meanwhile. */
  send(request: SignedRequest, body: Uint8Array): Promise<Response> {
    return new Promise((resolve, reject) => {
      const job = new Job({ pool: this, request, body }, resolve, reject);
      this.deadlines.enter(job);
      this.line.push(job);
      this.advance();
    });
  }

  close(): void {
    const cause = new Error('The sender was closed');
    for (const job of [...this.line.splice(0), ...this.lineAgain.splice(0)]) job.refuse(cause);
    for (const socket of this.opening) socket.destroy(cause);
    for (const wire of this.wires) wire.cut(cause);
  }

  /** On a new connection, before all others. */
  retry(job: Job): void {
    this.lineAgain.push(job);
  }

  /** Its exchange is over: the connection may serve the next. */
  released(job: Job): void {
    const { wire } = job;
    job.wire = undefined;
    if (wire?.usable) this.serve(wire);
  }

  /** Gives requests to idle connections, and opens what is missing. */
  private advance(): void {
    while (this.line.length > 0) {
      const wire = this.lastUsed();
      if (wire === undefined) break;
      this.serve(wire);
    }
    const wanted = Math.min(this.line.length + this.lineAgain.length, HANDSHAKES_MAX);
    const room = this.options.socketsMax - this.wires.size;
    while (this.opening.size < Math.min(wanted, room)) this.establish();
  }

  private lastUsed(): Wire | undefined {
    const oldest = this.options.clock.now() - IDLE_MILLISECONDS_MAX;
    for (let wire = this.idle.pop(); wire !== undefined; wire = this.idle.pop()) {
      if (wire.idleSince > oldest && wire.usable) return wire;
      wire.cut();
    }
    return undefined;
  }

  private establish(): void {
    const { timer, connectMilliseconds = CONNECT_MILLISECONDS_MAX } = this.options;
    const opening = this.open();
    const { socket, event } = opening;
    this.opening.add(socket);
    const cancel = timer.after(connectMilliseconds, () => {
      socket.destroy(new Error(`No connection within ${connectMilliseconds} ms`));
    });
    const failed = (cause: Error): void => {
      cancel();
      if (this.opening.delete(socket)) this.despair(cause);
    };
    socket.on('error', failed);
    socket.once(event, () => {
      cancel();
      this.opening.delete(socket);
      socket.unref();
      const wire = new Wire(socket, () => this.forget(wire));
      opening.heard = (octets) => wire.hear(octets, false);
      this.wires.add(wire);
      this.serve(wire);
    });
  }

  /** A connection failed. One request fails of it; all that wait where there is no other to wait for. */
  private despair(cause: Error): void {
    const alone = this.wires.size + this.opening.size === 0;
    const most = alone ? this.line.length + this.lineAgain.length : 1;
    for (let n = 0; n < most; n++) (this.lineAgain.shift() ?? this.line.shift())?.refuse(cause);
    this.advance();
  }

  /** The next in line, or rest. */
  private serve(wire: Wire): void {
    const job = (wire.served === 0 ? next(this.lineAgain) : undefined) ?? next(this.line);
    if (job === undefined) {
      wire.idleSince = this.options.clock.now();
      this.idle.push(wire);
      return;
    }
    job.wire = wire;
    wire.exchange(job);
  }

  private forget(wire: Wire): void {
    this.wires.delete(wire);
    const at = this.idle.indexOf(wire);
    if (at !== -1) this.idle.splice(at, 1);
    this.advance();
  }
}

/** Those whose time ran out in line are passed over. */
function next(line: Job[]): Job | undefined {
  let job = line.shift();
  while (job?.settled) job = line.shift();
  return job;
}
