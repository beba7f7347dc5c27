/** Engine.IO 4, row by row, against `serve:engineio-echo`; engine.io-client is the last judge. */
import { once } from 'node:events';
import { Socket as EngineClient } from 'engine.io-client';
import { startEngineEcho } from '../../local/engineio-echo.ts';
import type { EchoServer } from '../../local/sockjs-echo.ts';
import { handshake, poll, push, socket } from './peer.ts';
import { binaryRows, handshakeRows, packetRows, pingRows, upgradeRows } from './rows.ts';

let server: EchoServer;
beforeAll(async () => {
  server = await startEngineEcho({ port: 0 });
});
afterAll(() => server.close());

const target = {
  pingMilliseconds: 300,
  pongMilliseconds: 200,
  get url() {
    return `http://127.0.0.1:${server.port}/engine.io/`;
  },
};

describe('handshake', () => handshakeRows(target));
describe('packets', () => packetRows(target));
describe('binary', () => binaryRows(target));
describe('ping', () => pingRows(target));
describe('upgrade', () => upgradeRows(target));

test('an upgrade that does not come to its end is given up, and polling goes on', async () => {
  const impatient = await startEngineEcho({
    port: 0,
    beat: { upgradeMilliseconds: 50, pingMilliseconds: 5_000 },
  });
  const other = { url: `http://127.0.0.1:${impatient.port}/engine.io/` };
  const sid = await handshake(other);
  const { ws, closed } = socket(other, `?EIO=4&transport=websocket&sid=${sid}`);
  await once(ws, 'open');
  ws.send('2probe');
  await closed;
  await push(other, sid, '4still here');
  expect(await (await poll(other, sid)).text()).toBe('4still here');
  await impatient.close();
});

test.each([[['polling']], [['websocket']], [['polling', 'websocket']]])(
  'engine.io-client over %j: text, octets, and a close of its own',
  async (transports) => {
    const client = new EngineClient(target.url.replace('/engine.io/', ''), { transports });
    const upgraded =
      transports.length > 1 ? new Promise((done) => client.once('upgrade', done)) : undefined;
    const texts: unknown[] = [];
    const two = new Promise<void>((done) => {
      client.on('message', (data) => {
        texts.push(typeof data === 'string' ? data : [...new Uint8Array(data)]);
        if (texts.length === 2) done();
      });
    });
    await new Promise<void>((done) => client.once('open', () => done()));
    await upgraded;
    client.send('hé');
    client.send(Uint8Array.from([0, 255]));
    await two;
    expect(texts).toEqual(['hé', [0, 255]]);
    const closed = new Promise((done) => client.once('close', done));
    client.close();
    expect(await closed).toBe('forced close');
  },
);
