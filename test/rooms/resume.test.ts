/** The helper of `examples/resume.ts` with the real stompjs, over real sockets. */

import { makePauses } from '../../examples/resume.ts';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { ear, type Person, type PersonOptions, person } from './person.ts';

const brokers: Broker[] = [];
const people: Person[] = [];

async function start(options: Partial<BrokerOptions> = {}): Promise<string> {
  const broker = await startBroker({ port: 0, memory: true, ...options });
  brokers.push(broker);
  return `ws://127.0.0.1:${broker.port}/ws`;
}

function enter(url: string, options?: PersonOptions): Person {
  const one = person(url, options);
  people.push(one);
  return one;
}

afterEach(async () => {
  await Promise.all(people.splice(0).map((one) => one.leave()));
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

test('a member that was cut goes on where it stood: nothing lost, nothing twice, recovered:true', async () => {
  const url = await start();
  const [reader, writer] = [enter(url), enter(url)];
  const heard = await ear(reader, '/room/x');
  await writer.rooms.publish('/room/x', '1');
  await heard.heard(1);
  const comeBack = reader.away();
  for (const body of ['2', '3']) await writer.rooms.publish('/room/x', body);
  comeBack();
  await heard.back(1);
  await writer.rooms.publish('/room/x', '4');
  await heard.heard(4);
  expect(heard.bodies).toEqual(['1', '2', '3', '4']);
  expect(heard.resumed).toEqual([true]);
});

test('all subscriptions are resumed, each from its own position; a topic is subscribed again', async () => {
  const url = await start();
  const [reader, writer] = [enter(url), enter(url)];
  const rooms = await Promise.all([ear(reader, '/room/a'), ear(reader, '/room/b')]);
  const topic = await ear(reader, '/topic/t');
  for (const body of ['a1', 'a2']) await writer.rooms.publish('/room/a', body);
  await rooms[0]?.heard(2);
  const comeBack = reader.away();
  await writer.rooms.publish('/room/b', 'b1');
  await writer.rooms.publish('/room/a', 'a3');
  comeBack();
  await Promise.all([...rooms, topic].map((one) => one.back(1)));
  await writer.rooms.publish('/topic/t', 't1');
  await topic.heard(1);
  expect(rooms.map(({ bodies }) => bodies)).toEqual([['a1', 'a2', 'a3'], ['b1']]);
  expect([...rooms, topic].map(({ resumed }) => resumed)).toEqual([[true], [true], [false]]);
});

test('beyond retention the application is told recovered:false, and what follows comes', async () => {
  const url = await start({ rules: [{ pattern: '/room/*', history: { count: 2 } }] });
  const [reader, writer] = [enter(url), enter(url)];
  const heard = await ear(reader, '/room/x');
  await writer.rooms.publish('/room/x', '0');
  await heard.heard(1);
  const comeBack = reader.away();
  for (const body of ['1', '2', '3']) await writer.rooms.publish('/room/x', body);
  comeBack();
  await heard.back(1);
  await writer.rooms.publish('/room/x', '4');
  await heard.heard(2);
  expect(heard.bodies).toEqual(['0', '4']);
  expect(heard.resumed).toEqual([false]);
});

test('history asked at first comes whole, and a resume does not repeat it', async () => {
  const url = await start();
  const [reader, writer] = [enter(url), enter(url)];
  await writer.connected();
  for (const body of ['1', '2', '3']) await writer.rooms.publish('/room/x', body);
  const heard = await ear(reader, '/room/x', { last: '2' });
  await heard.heard(2);
  reader.cut();
  await heard.back(1);
  await writer.rooms.publish('/room/x', '4');
  await heard.heard(3);
  expect(heard.bodies).toEqual(['2', '3', '4']);
  expect(heard.resumed).toEqual([true]);
});

test('a broker that has lost its history says so, and the member goes on in the new log', async () => {
  const first = await startBroker({ port: 0, memory: true });
  const url = `ws://127.0.0.1:${first.port}/ws`;
  const reader = enter(url);
  const heard = await ear(reader, '/room/x');
  for (const body of ['1', '2']) await reader.rooms.publish('/room/x', body);
  await heard.heard(2);
  await first.close();
  brokers.push(await startBroker({ port: first.port, memory: true }));
  await heard.back(1);
  await reader.rooms.publish('/room/x', '3');
  await heard.heard(3);
  expect(heard.bodies).toEqual(['1', '2', '3']);
  expect(heard.resumed).toEqual([false]);
});

test('the server says when to reconnect, and nobody notices that it happened', async () => {
  // 400 ms of life, told to leave after 200.
  const limits = {
    connectionLifeSeconds: 0.4,
    reconnectBeforeSeconds: 0.2,
    reconnectSpreadSeconds: 0.1,
  };
  const url = await start({ limits, gateway: { lifeMilliseconds: 60_000 } });
  const [reader, writer] = [enter(url), enter(url)];
  const heard = await ear(reader, '/room/x');
  let count = 0;
  while (heard.resumed.length < 4) await writer.rooms.publish('/room/x', String(count++));
  await heard.heard(count);
  expect(heard.bodies).toEqual(Array.from({ length: count }, (_, index) => String(index)));
  expect(heard.resumed.every((recovered) => recovered)).toBe(true);
});

test('pauses are drawn at random from a bound that doubles, and are short again after a good connection', () => {
  const pauses = makePauses({ pauseMilliseconds: 100, pauseMillisecondsMax: 400 }, () => 0.5);
  const four = () => [0, 1, 2, 3].map(() => pauses.next(0));
  expect(four()).toEqual([0, 50, 150, 300]);
  expect(four()).toEqual([300, 300, 300, 300]);
  pauses.connected(0);
  expect(pauses.next(60_000)).toBe(50);
  pauses.connected(60_000);
  expect(pauses.next(60_100)).toBe(150);
  pauses.none();
  expect(pauses.next(60_200)).toBe(0);
});

test('what was published before a cut is stored once, whether or not its RECEIPT came', async () => {
  const url = await start();
  const [reader, writer] = [enter(url), enter(url)];
  const heard = await ear(reader, '/room/x');
  await writer.rooms.publish('/room/x', 'first');
  const sent = Array.from({ length: 50 }, (_, index) => String(index));
  const receipts = sent.map((body) => writer.rooms.publish('/room/x', body));
  writer.cut();
  await Promise.all(receipts);
  await heard.heard(51);
  expect(heard.bodies).toEqual(['first', ...sent]);
});
