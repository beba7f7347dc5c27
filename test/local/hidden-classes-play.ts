/**
 * A broker as `npm start` runs it, and one conversation with itself: so many times before a mark, and
 * as many between two. The marks are names that nothing else has, so V8's log of hidden classes
 * shows them; hidden-classes.test.ts reads it.
 */
import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';
import { startBroker } from '../../local/broker.ts';

const ROUNDS = 300;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

const broker = await startBroker({ port: 0, memory: true, log: silent });
const agent = new Agent({ keepAlive: true });

function post(path: string, body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: broker.port, path, method: 'POST', agent };
    const headers = { 'Content-Length': Buffer.byteLength(body), 'Content-Type': 'text/plain' };
    request({ headers, ...options }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end(body);
  });
}

const waiting: (() => void)[] = [];
const ws = new WebSocket(`ws://127.0.0.1:${broker.port}/ws`, ['v12.stomp']);
ws.on('message', () => waiting.shift()?.());
const say = (frame: string): Promise<void> =>
  new Promise((resolve) => {
    waiting.push(resolve);
    ws.send(`${frame}\0`);
  });

async function round(destination: string): Promise<void> {
  await say(`SEND\ndestination:${destination}\n\nhello`);
}

const SESSION = '/sockjs/000/session';

async function poll(): Promise<void> {
  const polled = post(`${SESSION}/xhr`);
  await post(`${SESSION}/xhr_send`, JSON.stringify(['SEND\ndestination:/topic/polls\n\nhi\0']));
  await polled;
}

async function rounds(): Promise<void> {
  for (let count = 0; count < ROUNDS; count++) {
    await round('/topic/a');
    await round('/room/a');
    await round('/queue/a');
    await post('/topic/nobody', 'hi');
    await poll();
  }
}

await new Promise((resolve) => ws.on('open', resolve));
await say('CONNECT\naccept-version:1.2\nhost:a\n\n');
await say('SUBSCRIBE\nid:a\nreceipt:a\ndestination:/topic/a\n\n');
await say('SUBSCRIBE\nid:b\nreceipt:b\ndestination:/room/a\n\n');
await say('SUBSCRIBE\nid:c\nreceipt:c\ndestination:/queue/a\n\n');
await post(`${SESSION}/xhr`);
await post(
  `${SESSION}/xhr_send`,
  JSON.stringify([
    'CONNECT\naccept-version:1.2\nhost:a\n\n\0',
    'SUBSCRIBE\nid:a\ndestination:/topic/polls\n\n\0',
  ]),
);
await post(`${SESSION}/xhr`);
await rounds();
await rounds();
const marks: object[] = [Object.assign({}, { markOfTheBeginning: 1 })];
await rounds();
marks.push(Object.assign({}, { markOfTheEnd: 1 }));
console.log(JSON.stringify({ rounds: ROUNDS, marks: marks.length }));
ws.terminate();
agent.destroy();
await broker.close();
process.exit(0);
