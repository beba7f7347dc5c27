/**
 * The sender on kept-alive TLS sockets, without Node's HTTP client, which costs more CPU than the
 * encryption. Posts wait in one line for the next connection that is idle or newly open; the last
 * used is taken first, so that the others may age out. Tests hold it against node:https, answer by
 * answer.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { Clock } from '../../broker/ports.ts';
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
import { type Exchanged, Wire } from './wire.ts';

export interface SocketSenderOptions extends SenderOptions {
  readonly clock: Clock;
}

export function socketSender(options: SocketSenderOptions): Sender {
  const pool = new Pool(options);
  return {
    send: (post, body) => pool.send(post, body),
    close: () => pool.close(),
  };
}

/** A post on its way. Settles once: what comes after that is nothing. */
class Job {
  readonly post: SignedRequest;
  readonly body: Uint8Array;
  settled = false;
  /** It stands in line for the second time, and for a new connection. */
  again = false;
  wire: Wire | undefined = undefined;
  /** Set by whoever makes it. */
  cancel = (): void => {};
  private readonly resolve: (response: Response) => void;
  private readonly reject: (cause: unknown) => void;

  constructor(
    post: SignedRequest,
    body: Uint8Array,
    resolve: (response: Response) => void,
    reject: (cause: unknown) => void,
  ) {
    this.post = post;
    this.body = body;
    this.resolve = resolve;
    this.reject = reject;
  }

  accept(response: Response): void {
    if (this.settle()) this.resolve(response);
  }

  refuse(cause: unknown): void {
    if (this.settle()) this.reject(cause);
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.cancel();
    return true;
  }
}

class Pool {
  private readonly options: SocketSenderOptions;
  private readonly open: Opener;
  private readonly opening = new Set<Socket>();
  private readonly wires = new Set<Wire>();
  private readonly idle: { readonly wire: Wire; readonly since: number }[] = [];
  private readonly line: Job[] = [];
  /** Those that must have a new connection. */
  private readonly lineAgain: Job[] = [];

  constructor(options: SocketSenderOptions) {
    this.options = options;
    this.open = opener(options);
  }

  /** Its timer, not its socket, keeps the process alive meanwhile. */
  send(post: SignedRequest, body: Uint8Array): Promise<Response> {
    const { timer, requestMilliseconds = REQUEST_MILLISECONDS_MAX } = this.options;
    return new Promise((resolve, reject) => {
      const job = new Job(post, body, resolve, reject);
      job.cancel = timer.after(requestMilliseconds, () => {
        job.refuse(new Error(`No answer within ${requestMilliseconds} ms`));
        job.wire?.cut();
      });
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

  /** Gives posts to idle connections, and opens what is missing. */
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
    for (let one = this.idle.pop(); one !== undefined; one = this.idle.pop()) {
      if (one.since > oldest && one.wire.usable) return one.wire;
      one.wire.cut();
    }
    return undefined;
  }

  private establish(): void {
    const { timer, connectMilliseconds = CONNECT_MILLISECONDS_MAX } = this.options;
    const { socket, event } = this.open();
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
      this.wires.add(wire);
      this.serve(wire);
    });
  }

  /** A connection failed. One post fails of it; all that wait where there is no other to wait for. */
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
      this.idle.push({ wire, since: this.options.clock.now() });
      return;
    }
    job.wire = wire;
    wire.exchange(job.post, job.body, (exchanged) => this.answered(job, wire, exchanged));
  }

  private answered(job: Job, wire: Wire, exchanged: Exchanged): void {
    job.wire = undefined;
    if ('response' in exchanged) {
      job.accept(exchanged.response);
    } else if (exchanged.silent && wire.served > 0 && !job.again && !job.settled) {
      job.again = true;
      this.lineAgain.push(job);
    } else job.refuse(exchanged.cause);
    if (wire.usable) this.serve(wire);
  }

  private forget(wire: Wire): void {
    this.wires.delete(wire);
    const at = this.idle.findIndex((one) => one.wire === wire);
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

type Opener = () => { readonly socket: Socket; readonly event: 'connect' | 'secureConnect' };

/** New connections resume the last TLS session where the gateway lets them. */
function opener({ endpoint, ca }: SenderOptions): Opener {
  const { protocol, hostname, port } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'http:') {
    const to = { host, port: Number(port || 80), noDelay: true };
    return () => ({ socket: connectPlain(to), event: 'connect' });
  }
  const to = {
    host,
    port: Number(port || 443),
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Made once: the trusted certificates are a fifth of a handshake's CPU.
    secureContext: createSecureContext(ca === undefined ? {} : { ca }),
  };
  let session: Buffer | undefined;
  return () => {
    const socket = connectTls({ ...to, ...(session === undefined ? {} : { session }) });
    socket.setNoDelay(true);
    socket.on('session', (given) => {
      session = given;
    });
    socket.once('error', () => {
      session = undefined;
    });
    return { socket, event: 'secureConnect' };
  };
}
