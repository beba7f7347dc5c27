/**
 * One WebSocket connection as a row sees it: it sends octets exactly as told, and waits for frames
 * by what they are, never by time alone. A wait ends early when the answer cannot come any more
 * (an ERROR nobody waited for, a closed socket), so a failing row says why at once.
 */
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';
import { type Frame, type HeaderList, header, reader, type Version, write } from './frame.ts';
import type { Target } from './target.ts';

export type Body = string | Buffer;
export type HeaderRecord = Readonly<Record<string, string>>;

export class RowFailure extends Error {
  override readonly name = 'RowFailure';
}

export function check(truth: boolean, fault: string): asserts truth {
  if (!truth) throw new RowFailure(fault);
}

export function same(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(got === wanted, `${what} is ${brief(got)}, not ${brief(wanted)}`);
}

function brief(text: string | undefined): string {
  const all = text ?? 'undefined';
  return all.length > 120 ? `${all.slice(0, 120)}… (${all.length} characters)` : all;
}

export const ALL_PROTOCOLS: readonly string[] = ['v10.stomp', 'v11.stomp', 'v12.stomp'];

export class Client {
  version: Version = '1.2';
  /** Frames nobody has waited for yet, in order. */
  readonly inbox: Frame[] = [];
  /** Arrival times of all data, heart-beats included, in ms. */
  readonly arrivals: number[] = [];
  closeCode: number | undefined;
  readonly socket: WebSocket;
  readonly #target: Target;
  readonly #changes = new EventEmitter();

  constructor(socket: WebSocket, target: Target, blame: (fault: string) => void) {
    this.socket = socket;
    this.#target = target;
    this.#changes.setMaxListeners(0);
    const stream = reader(blame);
    socket.on('message', (data: Buffer) => {
      this.arrivals.push(performance.now());
      this.inbox.push(...stream.feed(data));
      this.#changes.emit('change');
    });
    socket.on('close', (code) => {
      this.closeCode = code;
      if (stream.unfinished) blame('the connection ended inside a frame');
      this.#changes.emit('change');
    });
    socket.on('error', () => this.#changes.emit('change'));
  }

  /** One text message holding these octets, which must be UTF-8. */
  text(octets: Body): void {
    this.socket.send(octets, { binary: false });
  }

  binary(octets: Body): void {
    this.socket.send(Buffer.from(octets), { binary: true });
  }

  bytes(command: string, headers: HeaderRecord | HeaderList, body: Body = ''): Buffer {
    const list = Array.isArray(headers) ? (headers as HeaderList) : Object.entries(headers);
    return write(command, list, { version: this.version, body });
  }

  /** One well-formed frame in one text message. */
  frame(command: string, headers: HeaderRecord | HeaderList, body: Body = ''): void {
    this.text(this.bytes(command, headers, body));
  }

  send(destination: string, body: Body, more: HeaderRecord = {}): void {
    this.frame('SEND', { destination, ...more }, body);
  }

  async connect(version: Version, more: HeaderRecord = {}): Promise<Frame> {
    this.version = version;
    const { login, passcode, host } = this.#target;
    this.frame('CONNECT', { 'accept-version': version, host, login, passcode, ...more });
    return this.take('CONNECTED');
  }

  /** SUBSCRIBE, and its RECEIPT: from here on SENDs of any connection arrive. */
  async subscribe(destination: string, id: string, more: HeaderRecord = {}): Promise<void> {
    const receipt = `subscribed-${id}`;
    this.frame('SUBSCRIBE', { destination, id, receipt, ...more });
    await this.receipt(receipt);
  }

  receipt(id: string): Promise<Frame> {
    return this.take('RECEIPT', (frame) => header(frame, 'receipt-id') === id, `receipt ${id}`);
  }

  message(fits: (frame: Frame) => boolean = () => true, what = 'MESSAGE'): Promise<Frame> {
    return this.take('MESSAGE', fits, what);
  }

  /** The next MESSAGE, its body as text. */
  async body(): Promise<string> {
    return (await this.message()).body.toString('utf8');
  }

  async bodies(count: number): Promise<string[]> {
    const found: string[] = [];
    while (found.length < count) found.push(await this.body());
    return found;
  }

  /** Removes and returns the first frame that fits, waiting for it. */
  async take(
    command: string,
    fits: (frame: Frame) => boolean = () => true,
    what = command,
  ): Promise<Frame> {
    const found = await this.#until(what, () => {
      const at = this.inbox.findIndex((frame) => frame.command === command && fits(frame));
      if (at >= 0) return this.inbox.splice(at, 1)[0];
      const fault = this.inbox.find((frame) => frame.command === 'ERROR');
      if (fault !== undefined && command !== 'ERROR') {
        throw new RowFailure(`ERROR "${header(fault, 'message') ?? ''}" while waiting for ${what}`);
      }
      if (this.closeCode === undefined) return undefined;
      throw new RowFailure(`closed (${this.closeCode}) while waiting for ${what}`);
    });
    return found;
  }

  /** ERROR or close, whichever shows first. */
  rejected(): Promise<'ERROR' | 'close'> {
    return this.#until('a rejection (ERROR or close)', () => {
      if (this.inbox.some((frame) => frame.command === 'ERROR')) return 'ERROR';
      return this.closeCode === undefined ? undefined : 'close';
    });
  }

  /** The first frame of this command, or the ERROR that came instead; undefined: closed. */
  async rejectedOr(command: string): Promise<Frame | undefined> {
    const found = await this.#until(`${command}, ERROR or close`, () => {
      const at = this.inbox.findIndex(
        (frame) => frame.command === command || frame.command === 'ERROR',
      );
      if (at >= 0) return { frame: this.inbox.splice(at, 1)[0] };
      return this.closeCode === undefined ? undefined : { frame: undefined };
    });
    return found.frame;
  }

  error(): Promise<Frame> {
    return this.take('ERROR');
  }

  /** The close code, once the server (or the wire) has closed. */
  closed(): Promise<number> {
    return this.#until('the close', () => this.closeCode);
  }

  /** Ends the connection without a word, as a lost network does. */
  async cut(): Promise<void> {
    this.socket.terminate();
    await this.closed();
  }

  /**
   * Proof that the server has dealt with everything sent so far on this connection and has sent
   * what it caused: a message to a topic of one's own, sent last, has come back.
   */
  async fence(destination: string): Promise<void> {
    const id = `fence-${destination.slice(-12)}`;
    this.frame('SUBSCRIBE', { destination, id });
    this.send(destination, id);
    const mine = (frame: Frame) => header(frame, 'destination') === destination;
    await this.message(mine, `the fence ${destination}`);
    await new Promise((resolve) => setTimeout(resolve, this.#target.quietMs));
  }

  async #until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = AbortSignal.timeout(this.#target.patienceMs);
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const changed = once(this.#changes, 'change', { signal: deadline });
      try {
        await changed;
      } catch (cause) {
        const millis = this.#target.patienceMs;
        throw new RowFailure(`silence instead of ${what} for ${millis} ms`, { cause });
      }
    }
  }
}

export interface OpenOptions {
  readonly protocols?: readonly string[];
  readonly url?: string;
}

/** The 101, or a RowFailure that says how the handshake was refused. */
export async function open(
  target: Target,
  blame: (fault: string) => void,
  options: OpenOptions = {},
): Promise<Client> {
  const protocols = [...(options.protocols ?? ALL_PROTOCOLS)];
  const socket = new WebSocket(options.url ?? target.url, protocols, { perMessageDeflate: false });
  const client = new Client(socket, target, blame);
  try {
    await once(socket, 'open', { signal: AbortSignal.timeout(target.patienceMs) });
  } catch (cause) {
    socket.terminate();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RowFailure(`the handshake failed: ${why}`, { cause });
  }
  return client;
}
