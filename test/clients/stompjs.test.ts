import { once } from 'node:events';
import { Client, type IFrame, type IMessage } from '@stomp/stompjs';
import { WebSocket } from 'ws';
import { heard } from './heard.ts';
import { type Served, serve } from './served.ts';
import { startWscat } from './wscat.ts';

let served: Served;
let clients: Client[] = [];

beforeAll(async () => {
  served = await serve();
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.deactivate()));
  clients = [];
});

afterAll(() => served.stop());

/** An unmodified client; nothing set beyond the socket, which Node 20 does not have. */
function client(more: ConstructorParameters<typeof Client>[0] = {}): Client {
  const made = new Client({
    webSocketFactory: () => new WebSocket(served.url, ['v12.stomp', 'v11.stomp', 'v10.stomp']),
    reconnectDelay: 0,
    onStompError: (frame) => {
      throw new Error(`ERROR ${frame.headers['message']}: ${frame.body}`);
    },
    ...more,
  });
  clients.push(made);
  return made;
}

async function connected(made: Client): Promise<IFrame> {
  const connecting = new Promise<IFrame>((resolve) => {
    made.onConnect = resolve;
  });
  made.activate();
  return connecting;
}

/** Resolves once the broker has the subscription. */
async function subscribed(made: Client, topic: string): Promise<AsyncIterator<IMessage>> {
  const messages = heard<IMessage>();
  const receipt = `on-${topic}`;
  const done = new Promise((resolve) => made.watchForReceipt(receipt, resolve));
  made.subscribe(topic, messages.push, { receipt });
  await done;
  return messages;
}

test('two stompjs clients and a wscat talk through one topic', async () => {
  const topic = '/topic/clients.three';
  const [one, two] = [client(), client()];
  await Promise.all([connected(one), connected(two)]);
  const ears = [await subscribed(one, topic), await subscribed(two, topic)];
  const terminal = await startWscat(served.url);
  try {
    terminal.type(`{"subscribe":"${topic}"}`);
    expect(JSON.parse(await terminal.received())).toMatchObject({ command: 'RECEIPT' });
    one.publish({ destination: topic, body: 'from stompjs: ünï 😀', headers: { 'x-a': 'b:c\n' } });
    for (const ear of ears) {
      const { value } = await ear.next();
      expect(value.body).toBe('from stompjs: ünï 😀');
      expect(value.headers).toMatchObject({ 'x-a': 'b:c\n', destination: topic });
    }
    expect(JSON.parse(await terminal.received())).toMatchObject({
      command: 'MESSAGE',
      body: 'from stompjs: ünï 😀',
      'x-a': 'b:c\n',
    });
    terminal.type(`{"send":"${topic}","body":"from wscat"}`);
    for (const ear of ears) expect((await ear.next()).value.body).toBe('from wscat');
    expect(JSON.parse(await terminal.received())).toMatchObject({ body: 'from wscat' });
  } finally {
    await terminal.stop();
  }
});

test('subscribe and publish in onConnect, no receipt between: heard, 10 times of 10', async () => {
  for (let round = 0; round < 10; round++) {
    const messages = heard<IMessage>();
    const made = client({
      onConnect: () => {
        made.subscribe('/topic/clients.round', messages.push);
        made.publish({ destination: '/topic/clients.round', body: String(round) });
      },
    });
    made.activate();
    expect((await messages.next()).value.body).toBe(String(round));
    await made.deactivate();
  }
});

test('the broker sends no heart-beats, says so, and a client that wants them stays', async () => {
  // The client checks twice an interval: 200 ms of silence would end it ten times over.
  const made = client({ heartbeatIncoming: 20, heartbeatOutgoing: 20 });
  const frame = await connected(made);
  expect(frame.headers['heart-beat']).toBe('0,240000');
  await new Promise((resolve) => setTimeout(resolve, 200));
  const messages = await subscribed(made, '/topic/clients.beats');
  made.publish({ destination: '/topic/clients.beats', body: 'still here' });
  expect((await messages.next()).value.body).toBe('still here');
});

test('disconnecting with a receipt ends the session in order', async () => {
  const made = client();
  await connected(made);
  const closed = new Promise((resolve) => {
    made.onWebSocketClose = resolve;
  });
  const receipt = new Promise<IFrame>((resolve) => {
    made.onDisconnect = resolve;
  });
  await made.deactivate();
  expect((await receipt).command).toBe('RECEIPT');
  await closed;
});

test('what the broker does not serve is answered by an ERROR that says so', async () => {
  const error = heard<IFrame>();
  const made = client({ onStompError: error.push });
  await connected(made);
  made.subscribe('/app/later', () => undefined);
  const { value } = await error.next();
  expect(value.headers).toMatchObject({ code: 'not-supported' });
  expect(value.body).not.toBe('');
});

test('a socket of this stage is text only, as the real gateway is', async () => {
  const socket = new WebSocket(served.url);
  await once(socket, 'open');
  socket.send(Buffer.from([1, 2, 3]));
  const [code] = await once(socket, 'close');
  expect(code).toBe(1003);
});
