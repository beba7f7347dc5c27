/** A large audience on one machine, over real sockets: handed over, and heard by everybody. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { startBroker } from '../../local/broker.ts';

const LIMITS = { inlinePostsMax: 5, shardPostsMax: 4 };

async function client(port: number): Promise<{ socket: WebSocket; next(): Promise<string> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  const heard: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on('message', (data) => {
    const text = String(data);
    const first = waiting.shift();
    if (first === undefined) heard.push(text);
    else first(text);
  });
  await new Promise((resolve) => socket.once('open', resolve));
  const next = () => {
    const text = heard.shift();
    return text === undefined
      ? new Promise<string>((resolve) => waiting.push(resolve))
      : Promise.resolve(text);
  };
  return { socket, next };
}

test.each([
  ['in memory', { memory: true }],
  ['in LMDB, by two environments', { environments: 2 }],
])('everybody hears what is published to an audience beyond the bound, %s', async (_, options) => {
  const data = await mkdtemp(join(tmpdir(), 'stompway-shards-'));
  const sockets: WebSocket[] = [];
  const broker = await startBroker({ port: 0, data, limits: LIMITS, ...options });
  try {
    const clients = await Promise.all(Array.from({ length: 20 }, () => client(broker.port)));
    sockets.push(...clients.map(({ socket }) => socket));
    for (const socket of sockets) socket.send('{"subscribe":"/topic/big"}');
    for (const { next } of clients) expect(await next()).toContain('RECEIPT');
    clients[0]?.socket.send('{"send":"/topic/big","body":"one"}');
    clients[0]?.socket.send('{"send":"/topic/big","body":"two"}');
    for (const { next } of clients) {
      const text = await next();
      const both = text.includes('two') ? text : text + (await next());
      expect(both).toMatch(/one.*two/s);
    }
  } finally {
    for (const socket of sockets) socket.terminate();
    await broker.close();
    await rm(data, { recursive: true, force: true });
  }
});
