/**
 * What the public Socket.IO protocol tests expect: the namespaces `/` and `/custom`, an event `auth`
 * with what CONNECT brought, `message` answered by `message-back`, `message-with-ack` by its ack.
 */
import { randomBytes } from 'node:crypto';
import { readSocketPacket, type SocketPacket, socketText } from '../protocol/socketio/packet.ts';
import { emptied, filled } from '../protocol/socketio/placeholders.ts';
import { ECHO_BEAT, ECHO_PAYLOAD_MAX, serveEngine } from './engineio-echo.ts';
import { engineServer } from './engineio-server.ts';
import type { Beat, EngineService, EngineSocket } from './engineio-session.ts';
import type { EchoServer } from './sockjs-echo.ts';

export interface SocketioEchoOptions {
  readonly port: number;
  readonly beat?: Partial<Beat>;
  readonly connectMilliseconds?: number;
}

const NAMESPACES: ReadonlySet<string> = new Set(['/', '/custom']);
const CONNECT_MILLISECONDS = 1_000;

export function startSocketioEcho(options: SocketioEchoOptions): Promise<EchoServer> {
  const { port, beat, connectMilliseconds = CONNECT_MILLISECONDS } = options;
  const engine = engineServer({
    ...ECHO_BEAT,
    ...beat,
    maxPayload: ECHO_PAYLOAD_MAX,
    prefix: '/socket.io',
    service: echoService(connectMilliseconds),
  });
  return serveEngine(engine, port);
}

function echoService(connectMilliseconds: number): EngineService {
  return (socket) => {
    const connected = new Set<string>();
    /** A packet whose attachments have not all come. */
    let waiting: { packet: SocketPacket; attachments: Uint8Array[] } | undefined;
    const late = setTimeout(() => {
      if (connected.size === 0) socket.close();
    }, connectMilliseconds);

    const gather = (octets: Uint8Array): void => {
      if (waiting === undefined) {
        socket.close();
        return;
      }
      waiting.attachments.push(octets);
      if (waiting.attachments.length < waiting.packet.attachments) return;
      const { packet, attachments } = waiting;
      waiting = undefined;
      act(packet, attachments, connected, socket);
    };

    return {
      message(data) {
        if (typeof data !== 'string') return gather(data);
        const packet = waiting === undefined ? readSocketPacket(data) : undefined;
        if (packet === undefined) socket.close();
        else if (packet.attachments > 0) waiting = { packet, attachments: [] };
        else act(packet, [], connected, socket);
      },
      closed: () => clearTimeout(late),
    };
  };
}

function act(
  packet: SocketPacket,
  attachments: readonly Uint8Array[],
  connected: Set<string>,
  socket: EngineSocket,
): void {
  const { type, namespace } = packet;
  if (type === 'connect' && !connected.has(namespace)) {
    connect(packet, connected, socket);
  } else if (!connected.has(namespace)) socket.close();
  else if (type === 'disconnect') connected.delete(namespace);
  else if (type === 'event' || type === 'binary-event') answer(packet, attachments, socket);
  else if (type === 'connect' || type === 'connect-error') socket.close();
}

function connect(
  { namespace, data }: SocketPacket,
  connected: Set<string>,
  socket: EngineSocket,
): void {
  if (!NAMESPACES.has(namespace)) {
    const error = { type: 'connect-error', namespace, attachments: 0 } as const;
    socket.send(socketText(error, JSON.stringify({ message: 'Invalid namespace' })));
    return;
  }
  connected.add(namespace);
  const sid = randomBytes(15).toString('base64url');
  socket.send(socketText({ type: 'connect', namespace, attachments: 0 }, JSON.stringify({ sid })));
  say({ type: 'event', namespace }, ['auth', data ?? {}], socket);
}

function answer(
  { namespace, id, data }: SocketPacket,
  attachments: readonly Uint8Array[],
  socket: EngineSocket,
): void {
  const values = filled(data, attachments);
  if (!Array.isArray(values)) return;
  const [name, ...rest]: unknown[] = values;
  if (name === 'message') say({ type: 'event', namespace }, ['message-back', ...rest], socket);
  else if (name === 'message-with-ack' && id !== undefined) {
    say({ type: 'ack', namespace, id }, rest, socket);
  }
}

interface Saying {
  readonly type: 'event' | 'ack';
  readonly namespace: string;
  readonly id?: number;
}

function say(saying: Saying, values: readonly unknown[], socket: EngineSocket): void {
  const { json, attachments } = emptied(values);
  const type = attachments.length > 0 ? (`binary-${saying.type}` as const) : saying.type;
  socket.send(socketText({ ...saying, type, attachments: attachments.length }, json));
  for (const octets of attachments) socket.send(octets);
}
