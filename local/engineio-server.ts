/**
 * Engine.IO 4 in this process, for services that are tested against the protocol itself: binary
 * frames, sub-second pings and close codes of the server's own, none of which an API Gateway gives.
 * The broker does not use it; it speaks the same packets through its mailboxes.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  openingText,
  type Packet,
  packetText,
  payloadText,
  readPacket,
  readPayload,
} from '../protocol/engineio/packet.ts';
import {
  type EngineFault,
  type EngineRequest,
  engineFaultText,
  readEngineRequest,
} from '../protocol/engineio/request.ts';
import { crossOrigin } from '../protocol/sockjs/headers.ts';
import {
  type Beat,
  type EngineService,
  type EngineSession,
  engineSession,
  type Wire,
} from './engineio-session.ts';
import { handshakeFault, refuse } from './handshake.ts';
import { readBody, requestOf } from './http-mount.ts';
import type { Mount } from './server.ts';

export interface EngineOptions extends Beat {
  /** Without a slash at its end. */
  readonly prefix: string;
  readonly maxPayload: number;
  readonly service: EngineService;
}

export interface EngineServer {
  readonly mount: Mount;
  /** Ends every session. */
  stop(): void;
}

const TEXT = 'text/plain; charset=UTF-8';

export function engineServer(options: EngineOptions): EngineServer {
  const { prefix, maxPayload } = options;
  const sessions = new Map<string, EngineSession>();
  const server = new WebSocketServer({ noServer: true, maxPayload, perMessageDeflate: false });

  function open(wire: Wire | undefined): EngineSession {
    const sid = randomBytes(15).toString('base64url');
    const session = engineSession({
      sid,
      wire,
      beat: options,
      service: options.service,
      ended: () => sessions.delete(sid),
    });
    sessions.set(sid, session);
    return session;
  }

  const opening = (sid: string, upgrades: readonly 'websocket'[]): string =>
    openingText({
      sid,
      upgrades,
      pingInterval: options.pingMilliseconds,
      pingTimeout: options.pongMilliseconds,
      maxPayload,
    });

  async function request(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { query, method, headers } = requestOf(incoming, 'large');
    const say = sayer(response, crossOrigin(headers));
    if (method === 'OPTIONS') return say(204, '', TEXT);
    const asked = readEngineRequest(new URLSearchParams(query), method, false);
    if (typeof asked === 'string') return say(400, engineFaultText(asked), 'application/json');
    if (asked.sid === undefined) return say(200, opening(open(undefined).sid, ['websocket']), TEXT);
    const session = sessions.get(asked.sid);
    const fault = faultOf(session, method);
    if (session === undefined || fault !== undefined) {
      return say(400, engineFaultText(fault ?? 'session'), 'application/json');
    }
    if (method === 'POST') return receive(incoming, session, maxPayload, say);
    poll(session, response, say);
  }

  function upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.on('error', () => undefined);
    const asked = askedOf(incoming);
    const refusal = refusalOf(incoming, asked, sessions);
    if (refusal !== undefined || typeof asked === 'string') {
      refuse(socket, ...(refusal ?? [400, '']));
      return;
    }
    const session = asked.sid === undefined ? undefined : sessions.get(asked.sid);
    server.handleUpgrade(incoming, socket, head, (ws) => {
      if (session !== undefined) listen(ws, session.probe(wireOf(ws)));
      else begin(ws);
    });
  }

  function begin(ws: WebSocket): void {
    const session = open(wireOf(ws));
    ws.send(opening(session.sid, []));
    listen(ws, (packet) => {
      if (packet === undefined) session.close();
      else session.hear(packet);
    });
  }

  return {
    mount: { prefix, request, upgrade },
    stop() {
      for (const session of [...sessions.values()]) session.close();
      for (const ws of server.clients) ws.terminate();
    },
  };
}

function askedOf(incoming: IncomingMessage): EngineRequest | EngineFault {
  const query = new URLSearchParams((incoming.url ?? '').split('?', 2)[1] ?? '');
  return readEngineRequest(query, incoming.method ?? '', true);
}

/** Status and words with which a WebSocket handshake is refused; undefined: it is not. */
function refusalOf(
  incoming: IncomingMessage,
  asked: EngineRequest | EngineFault,
  sessions: ReadonlyMap<string, EngineSession>,
): readonly [number, string] | undefined {
  if (typeof asked === 'string') return [400, engineFaultText(asked)];
  const status = handshakeFault(incoming);
  if (status !== undefined) return [status, 'This is no WebSocket handshake'];
  if (asked.sid === undefined) return undefined;
  const session = sessions.get(asked.sid);
  if (session === undefined) return [400, engineFaultText('session')];
  const free = session.transport() === 'polling' && !session.probing();
  return free ? undefined : [400, engineFaultText('request')];
}

type Say = (status: number, body: string, type: string) => void;

function sayer(response: ServerResponse, cors: Readonly<Record<string, string>>): Say {
  return (status, body, type) => {
    response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...cors });
    response.end(body);
  };
}

function faultOf(session: EngineSession | undefined, method: string): EngineFault | undefined {
  if (session === undefined) return 'session';
  if (session.transport() !== 'polling') return 'request';
  return method === 'GET' || method === 'POST' ? undefined : 'method';
}

function poll(session: EngineSession, response: ServerResponse, say: Say): void {
  let answered = false;
  const wire = {
    send(packets: readonly Packet[]) {
      answered = true;
      say(200, payloadText(packets), TEXT);
    },
    end: () => undefined,
  };
  if (!session.poll(wire)) say(400, engineFaultText('request'), 'application/json');
  else
    response.on('close', () => {
      // A client that takes back its poll may have lost what was on its way: it is over.
      if (!answered) session.close();
    });
}

async function receive(
  incoming: IncomingMessage,
  session: EngineSession,
  maxPayload: number,
  say: Say,
): Promise<void> {
  const body = await readBody(incoming, maxPayload);
  if (body === 'gone') return;
  if (body === 'large') return say(413, '', TEXT);
  const packets = readPayload(body.toString());
  if (packets === undefined) session.close();
  for (const packet of packets ?? []) {
    if (!session.hear(packet)) return say(400, engineFaultText('request'), 'application/json');
  }
  if (packets === undefined) return say(400, engineFaultText('request'), 'application/json');
  say(200, 'ok', 'text/html');
}

function wireOf(ws: WebSocket): Wire {
  return {
    send(packets: readonly Packet[]) {
      for (const packet of packets) {
        ws.send(packet.type === 'binary' ? packet.data : packetText(packet));
      }
    },
    end: () => ws.close(),
  };
}

/** `undefined`: the socket is gone. What is no packet ends it. */
function listen(ws: WebSocket, hear: (packet: Packet | undefined) => void): void {
  ws.on('error', () => undefined);
  ws.on('close', () => hear(undefined));
  ws.on('message', (data, binary) => {
    if (!Buffer.isBuffer(data)) return;
    const packet: Packet | undefined = binary
      ? { type: 'binary', data }
      : readPacket(data.toString());
    if (packet === undefined) ws.close();
    else hear(packet);
  });
}
