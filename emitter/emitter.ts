/**
 * Socket.IO's server side for programs that hold no connections: Lambdas, scripts, tests. In the
 * spirit of @socket.io/redis-emitter, and with its verbs; immutable, so that a target may be kept.
 */
import { valueBody } from '../protocol/socketio/body.ts';
import { isReserved } from '../protocol/socketio/packet.ts';
import type { Operation, Perform, RemoteSocket, Target } from './operation.ts';

type Names = string | readonly string[];

const NOBODY_EXCEPTED: Target = { namespace: '/', rooms: [], except: [] };
const ANSWER_MILLISECONDS = 5_000;

interface Flags {
  readonly volatile: boolean;
  readonly timeout: number;
}

export class Emitter {
  private readonly perform: Perform;
  private readonly target: Target;
  private readonly flags: Flags;

  /** `perform` says where the broker is: `emitterOnAws()`, `emitterByHttp()`, or a broker's own. */
  constructor(
    perform: Perform,
    target: Target = NOBODY_EXCEPTED,
    flags: Flags = { volatile: false, timeout: ANSWER_MILLISECONDS },
  ) {
    this.perform = perform;
    this.target = target;
    this.flags = flags;
  }

  /** Everybody of another namespace. */
  of(namespace: string): Emitter {
    const name = namespace.startsWith('/') ? namespace : `/${namespace}`;
    return new Emitter(this.perform, { ...NOBODY_EXCEPTED, namespace: name }, this.flags);
  }

  /** Rooms or `socket.id`s; said again, their union: whoever is in several gets one copy. */
  to(rooms: Names): Emitter {
    return this.narrowed({ rooms: [...this.target.rooms, ...listed(rooms)] });
  }

  in(rooms: Names): Emitter {
    return this.to(rooms);
  }

  except(rooms: Names): Emitter {
    return this.narrowed({ except: [...this.target.except, ...listed(rooms)] });
  }

  /** Who cannot be posted to at once, as a client that polls, is passed over. */
  get volatile(): Emitter {
    return new Emitter(this.perform, this.target, { ...this.flags, volatile: true });
  }

  /** How long `emitWithAck` waits. @default 5,000 */
  timeout(milliseconds: number): Emitter {
    return new Emitter(this.perform, this.target, { ...this.flags, timeout: milliseconds });
  }

  /** Resolves once it is in the room's log, or else posted to all. Throws for a reserved name. */
  async emit(event: string, ...values: readonly unknown[]): Promise<void> {
    await this.perform(this.emission(event, values));
  }

  /** The first argument of each client's answer; rejects, with `responses`, if one is missing. */
  async emitWithAck(event: string, ...values: readonly unknown[]): Promise<readonly unknown[]> {
    const asked = { ...this.emission(event, values), answerMilliseconds: this.flags.timeout };
    const { sockets, answers = [] } = await this.perform(asked);
    const responses = answers.map((text): unknown => Object(JSON.parse(text))[0]);
    if (responses.length >= sockets.length) return responses;
    const missing = sockets.length - responses.length;
    const error = new Error(`${missing} of ${sockets.length} clients have not answered in time`);
    throw Object.assign(error, { responses });
  }

  async socketsJoin(rooms: Names): Promise<void> {
    await this.perform({ type: 'join', target: this.target, rooms: listed(rooms) });
  }

  async socketsLeave(rooms: Names): Promise<void> {
    await this.perform({ type: 'leave', target: this.target, rooms: listed(rooms) });
  }

  async disconnectSockets(): Promise<void> {
    await this.perform({ type: 'disconnect', target: this.target });
  }

  async fetchSockets(): Promise<readonly RemoteSocket[]> {
    return (await this.perform({ type: 'fetch', target: this.target })).sockets;
  }

  private narrowed(more: Partial<Target>): Emitter {
    return new Emitter(this.perform, { ...this.target, ...more }, this.flags);
  }

  private emission(event: string, values: readonly unknown[]): Operation & { type: 'emit' } {
    if (isReserved(event)) throw new Error(`"${event}" is a reserved event name`);
    const { type, body } = valueBody(values);
    const text = Buffer.from(body).toString();
    const { volatile } = this.flags;
    return { type: 'emit', target: this.target, event, values: text, contentType: type, volatile };
  }
}

function listed(names: Names): readonly string[] {
  return typeof names === 'string' ? [names] : names;
}
