/** The five ways to the broker, each by the client that people have: all say and hear three kinds. */
import { Client, type IMessage } from '@stomp/stompjs';
import { io } from 'socket.io-client';
import SockJS from 'sockjs-client';
import { WebSocket } from 'ws';
import { type Heard, heard } from '../clients/heard.ts';
import { leaveAll } from '../clients/leave.ts';

/** Text, a JSON value, or octets. */
export type Payload = string | Buffer | Readonly<Record<string, unknown>>;

export interface Person {
  say(payload: Payload): Promise<unknown>;
  readonly hears: Heard<unknown>;
  leave(): unknown;
}

/** In the room already, once it resolves. */
export type Door = (port: number, room: string) => Promise<Person>;

export const DOORS: Readonly<Record<string, Door>> = {
  STOMP: stomp((port) => new WebSocket(`ws://127.0.0.1:${port}/ws`, ['v12.stomp'])),
  'SockJS+STOMP': stomp((port) => new SockJS(`http://127.0.0.1:${port}/sockjs`)),
  JSON: json,
  'Socket.IO': socketio,
  HTTP: http,
};

interface Written {
  readonly type: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** For protocols of text. */
function written(payload: Payload): Written {
  if (Buffer.isBuffer(payload)) {
    const headers = { 'body-encoding': 'base64' };
    return { type: 'application/octet-stream', text: payload.toString('base64'), headers };
  }
  if (typeof payload === 'string') return { type: 'text/plain', text: payload, headers: {} };
  return { type: 'application/json', text: JSON.stringify(payload), headers: {} };
}

function stomp(factory: (port: number) => WebSocket | SockJS): Door {
  return async (port, room) => {
    const client = new Client({ webSocketFactory: () => factory(port), reconnectDelay: 0 });
    const hears = heard<unknown>();
    await new Promise((resolve) => {
      client.onConnect = resolve;
      client.activate();
    });
    const destination = `/room/${room}`;
    const joined = new Promise((resolve) => client.watchForReceipt('joined', resolve));
    client.subscribe(destination, (message) => hears.push(readStomp(message)), {
      receipt: 'joined',
    });
    await joined;
    return {
      hears,
      async say(payload) {
        const { type, text, headers } = written(payload);
        const all = { 'content-type': type, ...headers };
        client.publish({ destination, body: text, headers: all });
      },
      leave: () => client.deactivate(),
    };
  };
}

function readStomp({ body, headers }: IMessage): unknown {
  if (headers['body-encoding'] === 'base64') return Buffer.from(body, 'base64');
  return headers['content-type'] === 'application/json' ? JSON.parse(body) : body;
}

async function json(port: number, room: string): Promise<Person> {
  const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  const hears = heard<unknown>();
  const send = (command: object): void => ws.send(JSON.stringify(command));
  await new Promise<void>((resolve) => {
    ws.on('open', () => send({ subscribe: `/room/${room}` }));
    ws.on('message', (text) => {
      const said = JSON.parse(String(text));
      if (said.command === 'RECEIPT') resolve();
      if (said.command === 'MESSAGE') hears.push(readJson(said));
    });
  });
  return {
    hears,
    async say(payload) {
      if (Buffer.isBuffer(payload)) {
        const { text, type } = written(payload);
        const typed = { 'content-type': type, 'body-encoding': 'base64', body: text };
        send({ send: `/room/${room}`, ...typed });
      } else send({ send: `/room/${room}`, body: payload });
    },
    leave: () => ws.terminate(),
  };
}

function readJson(message: Readonly<Record<string, unknown>>): unknown {
  const { body } = message;
  return message['body-encoding'] === 'base64' ? Buffer.from(String(body), 'base64') : body;
}

/** The gateway takes no binary frames, so octets go out as base64. */
async function socketio(port: number, room: string): Promise<Person> {
  const client = io(`http://127.0.0.1:${port}`, { forceNew: true, forceBase64: true });
  const hears = heard<unknown>();
  client.on('message', (_room, payload) => hears.push(payload));
  await client.emitWithAck('join', room);
  return {
    hears,
    say: (payload) => client.emitWithAck('message', room, payload),
    leave: () => leaveAll([client]),
  };
}

/** POST, and a long poll; of the past it asks all, so nothing said before it came is missed. */
async function http(port: number, room: string): Promise<Person> {
  const base = `http://127.0.0.1:${port}`;
  const gone = new AbortController();
  const hears = heard<unknown>();
  const listen = async (): Promise<void> => {
    let path = `/room/${room}?last=100`;
    for (;;) {
      const headers = { accept: 'application/json' };
      const response = await fetch(base + path, { headers, signal: gone.signal });
      const { messages, next } = JSON.parse(await response.text());
      for (const message of messages) {
        if (message.command === 'MESSAGE') hears.push(readJson(message));
      }
      path = next;
    }
  };
  listen().catch(() => undefined);
  return {
    hears,
    async say(payload) {
      const { type, text } = written(payload);
      const body = Buffer.isBuffer(payload) ? Uint8Array.from(payload) : text;
      const headers = { 'content-type': type };
      await fetch(`${base}/room/${room}`, { method: 'POST', body, headers });
    },
    leave: () => gone.abort(),
  };
}
