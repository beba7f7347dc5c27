/** Clients of the HTTP doors for journeys: curl, EventSource, long polls, SockJS with STOMP inside. */
import { Client, type IMessage } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { heard } from '../clients/heard.ts';
import { type Open, open } from '../sockjs/browser.ts';
import { within } from './journey.ts';

export interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

export interface EventStream {
  readonly status: number;
  readonly headers: Open['headers'];
  next(): Promise<ServerEvent>;
  abort(): void;
}

/** An EventSource as the standard reads one: events by empty lines, comments skipped. */
export async function eventStream(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> {
  const asked = open(url, { headers: { accept: 'text/event-stream', ...headers } });
  const stream = await within('the stream', asked);
  const events = heard<ServerEvent>();
  void read(stream, events.push);
  const { status } = stream;
  return {
    status,
    headers: stream.headers,
    abort: stream.abort,
    next: async () => (await within('an event', events.next())).value,
  };
}

async function read(stream: Open, push: (event: ServerEvent) => void): Promise<void> {
  let text = '';
  for (let chunk = await stream.read(); chunk !== ''; chunk = await stream.read()) {
    text += chunk;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = block.split('\n').map((line) => /^(\w*): ?(.*)$/.exec(line) ?? ['', '', '']);
      const of = (name: string) =>
        fields.flatMap(([, key, value]) => (key === name ? [value] : []));
      if (of('data').length === 0) continue;
      push({ event: of('event')[0] ?? 'message', id: of('id')[0], data: of('data').join('\n') });
    }
  }
}

export interface Party {
  /** The SockJS transport in use. */
  readonly transport: string;
  subscribe(destination: string): Promise<void>;
  say(destination: string, body: string): void;
  hear(): Promise<string>;
  leave(): Promise<void>;
}

/** @stomp/stompjs over sockjs-client, both as they come; `transports` as its option has them. */
export async function sockjsParty(base: string, transports?: string): Promise<Party> {
  let socket: SockJS | undefined;
  const client = new Client({
    webSocketFactory: () => {
      const options = transports === undefined ? {} : { transports };
      socket = new SockJS(`${base}/sockjs`, null, options);
      return socket;
    },
    reconnectDelay: 0,
  });
  const connected = new Promise<void>((resolve, reject) => {
    client.onConnect = () => resolve();
    client.onStompError = ({ headers }) => reject(new Error(`ERROR ${headers['message']}`));
    client.onWebSocketClose = ({ code, reason }) => reject(new Error(`closed ${code} ${reason}`));
  });
  client.activate();
  await within(`CONNECTED over ${transports ?? 'any transport'}`, connected);
  const messages = heard<IMessage>();
  let receipts = 0;
  return {
    get transport() {
      return socket?.transport ?? '';
    },
    subscribe: (destination) => {
      receipts += 1;
      const receipt = `r${receipts}`;
      const done = new Promise<void>((resolve) => client.watchForReceipt(receipt, () => resolve()));
      client.subscribe(destination, messages.push, { receipt });
      return within('the RECEIPT of SUBSCRIBE', done);
    },
    say: (destination, body) => client.publish({ destination, body }),
    hear: async () => (await within('a MESSAGE', messages.next())).value.body,
    leave: () => client.deactivate(),
  };
}
