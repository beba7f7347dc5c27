/** A person in rooms: stompjs as an application has it, with the helper of `examples/`. */
import { EventEmitter, once } from 'node:events';
import { Client, type IMessage } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import { type ResumeOptions, type Resuming, resuming } from '../../examples/resume.ts';

export interface Person {
  readonly client: Client;
  readonly rooms: Resuming;
  /** Resolves at the next CONNECTED. */
  connected(): Promise<void>;
  /** Ends the socket as a lost network does: no close frame, no DISCONNECT. */
  cut(): void;
  /** The same, and it stays away until the returned function is called. */
  away(): () => void;
  leave(): Promise<void>;
}

/** So that a test is over before the pauses of real life are. */
const QUICK: ResumeOptions = { pauseMilliseconds: 20, pauseMillisecondsMax: 200 };

export interface PersonOptions {
  readonly name?: string;
  readonly pauses?: ResumeOptions;
  /** A CONNECTED that has not come by then is not waited for. @default 0, for ever */
  readonly connectionTimeout?: number;
}

/** On their way to `url`, and for ever on their way back. */
export function person(url: string, options: PersonOptions = {}): Person {
  const events = new EventEmitter();
  let socket: WebSocket | undefined;
  let gate: Promise<void> = Promise.resolve();
  const client = new Client({
    webSocketFactory: () => {
      socket = new WebSocket(url, ['v12.stomp'], { perMessageDeflate: false });
      return socket;
    },
    connectHeaders: options.name === undefined ? {} : { 'client-id': options.name },
    // On a CONNECTED that comes twice stompjs forgets the timer of the first, and a test never ends.
    heartbeatOutgoing: 0,
    connectionTimeout: options.connectionTimeout ?? 0,
    beforeConnect: () => gate,
    onConnect: () => events.emit('connected'),
  });
  const rooms = resuming(client, options.pauses ?? QUICK);
  client.activate();
  return {
    client,
    rooms,
    connected: async () => {
      await once(events, 'connected');
    },
    cut: () => socket?.terminate(),
    away: () => {
      let open: () => void = () => undefined;
      gate = new Promise((resolve) => {
        open = resolve;
      });
      socket?.terminate();
      return open;
    },
    leave: () => client.deactivate(),
  };
}

export interface Ear {
  /** Bodies, in order of arrival. */
  readonly bodies: readonly string[];
  readonly messages: readonly IMessage[];
  /** What each resume was answered. */
  readonly resumed: readonly boolean[];
  /** Resolves once there are so many messages. */
  heard(count: number): Promise<void>;
  /** Resolves once so many resumes are answered. */
  back(count: number): Promise<void>;
}

/** Resolves once the first SUBSCRIBE is answered. */
export async function ear(
  { client, rooms, connected }: Person,
  room: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Ear> {
  const events = new EventEmitter();
  const bodies: string[] = [];
  const messages: IMessage[] = [];
  const resumed: boolean[] = [];
  const until = async (done: () => boolean) => {
    while (!done()) await once(events, 'change');
  };
  if (!client.connected) await connected();
  const began = new Promise<void>((resolve) => {
    rooms.subscribe(
      room,
      (message) => {
        bodies.push(message.body);
        messages.push(message);
        events.emit('change');
      },
      {
        headers: { ...headers },
        onBegun: () => resolve(),
        onResumed: (recovered) => {
          resumed.push(recovered);
          events.emit('change');
        },
      },
    );
  });
  await began;
  return {
    bodies,
    messages,
    resumed,
    heard: (count) => until(() => bodies.length >= count),
    back: (count) => until(() => resumed.length >= count),
  };
}

export interface Watched {
  /** Names in the room, as the pages and the events so far tell. */
  readonly members: readonly string[];
  /** `join ann`, `leave bob`, in order. */
  readonly events: readonly string[];
  /** Resolves once it is so, at the latest with the next event. */
  until(done: () => boolean): Promise<void>;
}

interface PresenceBody {
  readonly members?: readonly { readonly member: string }[];
  readonly join?: { readonly member: string };
  readonly leave?: { readonly member: string };
}

/** Watches a room; resolves once the member list is there. */
export async function presence({ rooms }: Person, room: string): Promise<Watched> {
  const changes = new EventEmitter();
  const members: string[] = [];
  const events: string[] = [];
  const until = async (done: () => boolean) => {
    while (!done()) await once(changes, 'change');
  };
  const listed = new Promise<void>((resolve) => {
    rooms.subscribe(`/presence${room}`, ({ body, headers }) => {
      const told: PresenceBody = JSON.parse(body);
      members.push(...(told.members ?? []).map(({ member }) => member));
      if (told.join !== undefined) {
        members.push(told.join.member);
        events.push(`join ${told.join.member}`);
      }
      if (told.leave !== undefined) {
        members.splice(members.indexOf(told.leave.member), 1);
        events.push(`leave ${told.leave.member}`);
      }
      if (headers['page'] === '1/1') resolve();
      changes.emit('change');
    });
  });
  await listed;
  return { members, events, until };
}
