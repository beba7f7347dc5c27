import stompjs from 'stompjs';
import webstomp from 'webstomp-client';
import { WebSocket } from 'ws';
import { heard } from './heard.ts';
import { type Served, serve } from './served.ts';

interface OldMessage {
  readonly body: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** What the two old clients have in common, enough for a conversation. */
interface OldClient {
  connect(): Promise<void>;
  subscribe(topic: string, heard: (message: OldMessage) => void): { unsubscribe(): void };
  send(topic: string, body: string, headers: Readonly<Record<string, string>>): void;
  disconnect(): Promise<void>;
}

const PROTOCOLS = ['v10.stomp', 'v11.stomp', 'v12.stomp'];

function stompjs2(url: string): OldClient {
  const client = stompjs.over(new WebSocket(url, PROTOCOLS));
  client.debug = null;
  return {
    connect: () => new Promise((resolve, reject) => client.connect({}, () => resolve(), reject)),
    subscribe: (topic, listener) => client.subscribe(topic, listener),
    send: (topic, body, headers) => client.send(topic, headers, body),
    disconnect: () => new Promise((resolve) => client.disconnect(resolve)),
  };
}

function webstompClient(url: string): OldClient {
  // The socket of `ws` has all the members that the client touches, under the DOM's names.
  const socket = new WebSocket(url, PROTOCOLS) as unknown as Parameters<typeof webstomp.over>[0];
  const client = webstomp.over(socket, { debug: false, heartbeat: false });
  return {
    connect: () => new Promise((resolve, reject) => client.connect({}, () => resolve(), reject)),
    subscribe: (topic, listener) => client.subscribe(topic, listener),
    send: (topic, body, headers) => client.send(topic, body, headers),
    disconnect: () => new Promise((resolve) => client.disconnect(() => resolve())),
  };
}

let served: Served;

beforeAll(async () => {
  served = await serve();
});

afterAll(() => served.stop());

test.each([
  ['stompjs 2.3', stompjs2],
  ['webstomp-client 1.2', webstompClient],
])('%s subscribes, sends, unsubscribes and leaves', async (_name, make) => {
  const client = make(served.url);
  await client.connect();
  const messages = heard<OldMessage>();
  const subscription = client.subscribe('/topic/old.clients', messages.push);
  client.send('/topic/old.clients', 'héllo: 😀\n', { 'x-kind': 'old' });
  const { value } = await messages.next();
  expect(value.body).toBe('héllo: 😀\n');
  expect(value.headers).toMatchObject({ 'x-kind': 'old', destination: '/topic/old.clients' });
  subscription.unsubscribe();
  client.send('/topic/old.clients', 'too late', {});
  client.subscribe('/topic/old.end', messages.push);
  client.send('/topic/old.end', 'end', {});
  expect((await messages.next()).value.body).toBe('end');
  await client.disconnect();
});

test('stompjs 2.3 and webstomp-client hear each other', async () => {
  const both = [stompjs2(served.url), webstompClient(served.url)];
  const ears = await Promise.all(
    both.map(async (client) => {
      await client.connect();
      const messages = heard<OldMessage>();
      client.subscribe('/topic/old.both', messages.push);
      client.send('/topic/old.both', 'ready', {});
      await messages.next();
      return messages;
    }),
  );
  both[0]?.send('/topic/old.both', 'from the first', {});
  both[1]?.send('/topic/old.both', 'from the second', {});
  for (const ear of ears) {
    const bodies = new Set<string>();
    while (!(bodies.has('from the first') && bodies.has('from the second'))) {
      bodies.add((await ear.next()).value.body);
    }
  }
  await Promise.all(both.map((client) => client.disconnect()));
});
