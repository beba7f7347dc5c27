/**
 * Unmodified sockjs-client 1.6.1, each of its transports that Node has, with and without
 * @stomp/stompjs inside, through networks that break what they can.
 */
import { Client, type IFrame, type IMessage } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { type Broker, startBroker } from '../../local/broker.ts';
import { brokenProxy } from './broken-proxy.ts';
import { heard } from './heard.ts';

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'] as const;
const PATIENCE = 60_000;

let broker: Broker;
let clients: Client[] = [];

beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true });
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.deactivate()));
  clients = [];
});

afterAll(() => broker.close());

const origin = () => `http://127.0.0.1:${broker.port}`;

interface Spoken {
  readonly client: Client;
  readonly socket: () => SockJS;
}

/** stompjs over SockJS, connected. */
async function stomp(url: string, transports?: string): Promise<Spoken> {
  let last: SockJS | undefined;
  const client = new Client({
    webSocketFactory: () => {
      last = new SockJS(`${url}/sockjs`, null, transports === undefined ? {} : { transports });
      return last;
    },
    reconnectDelay: 0,
    onStompError: (frame) => {
      throw new Error(`ERROR ${frame.headers['message']}: ${frame.body}`);
    },
  });
  clients.push(client);
  await new Promise<IFrame>((resolve) => {
    client.onConnect = resolve;
    client.activate();
  });
  const socket = (): SockJS => {
    if (last === undefined) throw new Error('never connected');
    return last;
  };
  return { client, socket };
}

async function subscribed({ client }: Spoken, topic: string) {
  const messages = heard<IMessage>();
  const done = new Promise((resolve) => client.watchForReceipt(`on-${topic}`, resolve));
  client.subscribe(topic, messages.push, { receipt: `on-${topic}` });
  await done;
  return messages;
}

/** Both send `count` to both; each hears every sender's in order, none missing, none twice. */
async function talk(one: Spoken, two: Spoken, topic: string, count: number): Promise<void> {
  const ears = [await subscribed(one, topic), await subscribed(two, topic)];
  for (const [name, { client }] of [
    ['one', one],
    ['two', two],
  ] as const) {
    for (let index = 0; index < count; index++) {
      client.publish({ destination: topic, body: `${name} ${index}` });
    }
  }
  for (const ear of ears) {
    const from: Record<string, number[]> = { one: [], two: [] };
    for (let index = 0; index < 2 * count; index++) {
      const [name = '', number] = (await ear.next()).value.body.split(' ');
      from[name]?.push(Number(number));
    }
    const whole = Array.from({ length: count }, (_, index) => index);
    expect(from).toEqual({ one: whole, two: whole });
  }
}

test.each(TRANSPORTS)(
  'stompjs over %s alone: 1,000 messages each way, none lost, none twice, in order',
  async (transport) => {
    const [one, two] = [await stomp(origin(), transport), await stomp(origin(), transport)];
    expect([one.socket().transport, two.socket().transport]).toEqual([transport, transport]);
    await talk(one, two, `/topic/sockjs.${transport}`, 1000);
  },
  PATIENCE,
);

test('left to itself the client takes the WebSocket, and is greeted in time', async () => {
  for (let round = 0; round < 10; round++) {
    const { socket, client } = await stomp(origin());
    expect(socket().transport).toBe('websocket');
    await client.deactivate();
  }
});

test(
  'where a proxy refuses WebSockets it goes on over HTTP, with no change of code',
  async () => {
    const proxy = await brokenProxy(origin());
    try {
      const [one, two] = [await stomp(proxy.url), await stomp(origin())];
      expect(one.socket().transport).toBe('xhr-streaming');
      expect(two.socket().transport).toBe('websocket');
      expect(proxy.seen.some((path) => path.endsWith('/websocket'))).toBe(true);
      await talk(one, two, '/topic/sockjs.proxy', 200);
    } finally {
      proxy.stop();
    }
  },
  PATIENCE,
);

test(
  'where a proxy lets nothing stream either, it polls',
  async () => {
    const proxy = await brokenProxy(origin(), /xhr_streaming|eventsource/);
    try {
      const [one, two] = [await stomp(proxy.url), await stomp(origin())];
      expect(one.socket().transport).toBe('xhr-polling');
      await talk(one, two, '/topic/sockjs.polling', 200);
    } finally {
      proxy.stop();
    }
  },
  PATIENCE,
);

/** A bare SockJS client and what it hears. */
async function opened(transport: string) {
  const socket = new SockJS(`${origin()}/sockjs`, null, { transports: transport });
  const texts = heard<string>();
  const closed = new Promise<{ readonly code: number; readonly reason: string }>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  socket.onmessage = ({ data }) => texts.push(data);
  await new Promise<void>((resolve) => {
    socket.onopen = () => resolve();
  });
  return { socket, next: async () => (await texts.next()).value, closed };
}

test.each(TRANSPORTS)('JSON over %s, and the close that a client asks for', async (transport) => {
  const { socket, next, closed } = await opened(transport);
  socket.send('{"subscribe":"/topic/sockjs.json"}');
  expect(JSON.parse(await next())).toMatchObject({ command: 'RECEIPT' });
  const body = 'ünï 😀 \u2028 100% %61 \u0000 </script>';
  socket.send(JSON.stringify({ send: '/topic/sockjs.json', body }));
  expect(JSON.parse(await next())).toMatchObject({ command: 'MESSAGE', body });
  socket.send('{"disconnect":true,"receipt":1}');
  expect(JSON.parse(await next())).toMatchObject({ command: 'RECEIPT' });
  expect(await closed).toEqual({ code: 1000, reason: 'Normal closure' });
});

test.each(TRANSPORTS)('an ERROR of STOMP is read over %s before the close', async (transport) => {
  const { socket, next, closed } = await opened(transport);
  socket.send('CONNECT\naccept-version:9\nhost:/\n\n\0');
  expect(await next()).toMatch(/^ERROR\n[\s\S]*version-unsupported/);
  expect(await closed).toMatchObject({ code: 1000 });
});

test.each(TRANSPORTS)(
  'a member of a room whose client over %s goes away is told to have left',
  async (transport) => {
    const watcher = await opened('websocket');
    const room = `/room/leaving-${transport}`;
    watcher.socket.send(JSON.stringify({ subscribe: `/presence${room}` }));
    const leaver = await opened(transport);
    leaver.socket.send(JSON.stringify({ command: 'CONNECT', 'client-id': 'leaver' }));
    leaver.socket.send(JSON.stringify({ subscribe: room }));
    const told = async (word: string) => {
      for (;;) {
        const text = await watcher.next();
        if (text.includes('leaver') && text.includes(word)) return;
      }
    };
    await told('join');
    leaver.socket.close();
    await told('leave');
    watcher.socket.close();
  },
  30_000,
);
