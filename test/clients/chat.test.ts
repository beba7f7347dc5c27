/** `examples/chat.ts`, run by two people. */
import { chat } from '../../examples/chat.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { heard } from './heard.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true });
});
afterAll(() => broker.close());

test('two people chat, and each sees the other come and go', async () => {
  const url = `http://127.0.0.1:${broker.port}`;
  const [annSees, benSees] = [heard<string>(), heard<string>()];
  const ann = await chat(url, { name: 'ann', room: 'den' }, annSees.push);
  const ben = await chat(url, { name: 'ben', room: 'den' }, benSees.push);
  expect((await annSees.next()).value).toBe('* ben joins');
  await ann.say('hi Ben');
  expect((await benSees.next()).value).toBe('ann: hi Ben');
  await ben.say('hi Ann');
  expect((await annSees.next()).value).toBe('ben: hi Ann');
  ben.leave();
  expect((await annSees.next()).value).toBe('* ben leaves');
  ann.leave();
});
