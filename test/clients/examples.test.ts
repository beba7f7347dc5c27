/** `examples/ticker.ts` and `examples/game.ts`, as people run them. */

import { emitterByHttp } from '../../emitter/http.ts';
import { play } from '../../examples/game.ts';
import { type Price, tick, watch } from '../../examples/ticker.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { heard } from './heard.ts';

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker({ port: 0, memory: true });
});
afterAll(() => broker.close());
const url = () => `http://127.0.0.1:${broker.port}`;

test('prices reach who watches, and the last one who comes late', async () => {
  const emitter = emitterByHttp(url());
  const [early, late] = [heard<Price>(), heard<Price>()];
  const one = await watch(url(), 'tea', early.push);
  await tick(emitter, { symbol: 'tea', price: 101 });
  expect((await early.next()).value).toEqual({ symbol: 'tea', price: 101 });
  await tick(emitter, { symbol: 'coffee', price: 7 });
  const other = await watch(url(), 'tea', late.push);
  expect((await late.next()).value.price).toBe(101);
  await tick(emitter, { symbol: 'tea', price: 102 });
  expect((await early.next()).value.price).toBe(102);
  expect((await late.next()).value.price).toBe(102);
  one.leave();
  other.leave();
});

test('two play, and a third who comes late has seen the same game', async () => {
  const [annSees, benSees, lateSees] = [heard<string>(), heard<string>(), heard<string>()];
  const ann = await play(url(), { name: 'ann', table: 't1' }, annSees.push);
  const ben = await play(url(), { name: 'ben', table: 't1' }, benSees.push);
  await ann.show('rock');
  await ann.show('paper');
  await ben.show('scissors');
  expect((await annSees.next()).value).toBe('rock beats scissors: ann wins');
  await ben.show('paper');
  await ann.show('paper');
  expect((await annSees.next()).value).toBe('both paper: again');
  const late = await play(url(), { name: 'eve', table: 't1' }, lateSees.push);
  for (const sees of [benSees, lateSees]) {
    expect((await sees.next()).value).toBe('rock beats scissors: ann wins');
    expect((await sees.next()).value).toBe('both paper: again');
  }
  for (const one of [ann, ben, late]) one.leave();
});
