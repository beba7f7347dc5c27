/** A chat whose four parties each came by another door: SockJS polling, STOMP, EventSource, curl. */
import { Client, type IMessage } from '@stomp/stompjs';
import SockJS from 'sockjs-client';
import { WebSocket } from 'ws';
import { type Broker, startBroker } from '../../local/broker.ts';
import { heard } from '../clients/heard.ts';
import { open } from '../sockjs/browser.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true });
});
afterAll(() => broker.close());

async function party(webSocketFactory: () => WebSocket | SockJS) {
  const client = new Client({ webSocketFactory, reconnectDelay: 0 });
  await new Promise((resolve) => {
    client.onConnect = resolve;
    client.activate();
  });
  const messages = heard<IMessage>();
  const done = new Promise((resolve) => client.watchForReceipt('r', resolve));
  client.subscribe('/topic/chat', messages.push, { receipt: 'r' });
  await done;
  return {
    say: (body: string) => client.publish({ destination: '/topic/chat', body }),
    hear: async () => (await messages.next()).value.body,
    leave: () => client.deactivate(),
  };
}

test('whoever speaks, by whatever door, is heard by all who listen', async () => {
  const base = `127.0.0.1:${broker.port}`;
  const polling = { transports: 'xhr-polling' };
  const anna = await party(() => new SockJS(`http://${base}/sockjs`, null, polling));
  const ben = await party(() => new WebSocket(`ws://${base}/ws`, ['v12.stomp']));
  const clara = await open(`http://${base}/topic/chat`, {
    headers: { accept: 'text/event-stream' },
  });
  expect(await clara.read()).toMatch(/^event: subscribed\n/);
  const dora = (body: string) =>
    fetch(`http://${base}/topic/chat`, {
      method: 'POST',
      body,
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    });
  const speeches: readonly (readonly [string, (body: string) => unknown])[] = [
    ['anna, by SockJS', anna.say],
    ['ben, by STOMP', ben.say],
    ['dora, by curl', dora],
  ];
  for (let round = 0; round < 5; round++) {
    for (const [name, say] of speeches) {
      const body = `${name}: ${round} ünï 😀`;
      await say(body);
      const heardBy = await Promise.all([anna.hear(), ben.hear(), clara.read()]);
      expect(heardBy).toEqual([body, body, `data: ${body}\n\n`]);
    }
  }
  clara.abort();
  await Promise.all([anna.leave(), ben.leave()]);
});
