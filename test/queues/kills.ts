/**
 * COMMIT, and the process killed around it: kill -9 of `npm start` on its files, at moments that a
 * seed draws. A transaction moves one message: it takes it from one queue, puts it into two others
 * and says so in a room. Whatever the moment, it has done all of that or none.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPeer, type Peer } from '../template/stomp-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'stompway-commit-'));
const children: ChildProcess[] = [];

/** To be called when all is over. */
export async function clear(): Promise<void> {
  await Promise.all(children.map(kill));
  rmSync(folder, { recursive: true, force: true });
}

async function start(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const args = ['--import', 'tsx', 'local/main.ts', '--port', '0', '--data', folder];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface(child.stdout)) {
    const port = /^ready on .*:(\d+)$/.exec(line)?.[1];
    if (port !== undefined) return { child, url: `ws://127.0.0.1:${port}/ws` };
  }
  throw new Error('npm start ended before it was ready');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function enter(url: string): Promise<Peer> {
  const peer = await openPeer(url, ['v12.stomp'], 20_000);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'test' });
  expect((await peer.frame()).command).toBe('CONNECTED');
  return peer;
}

/** What comes from there before `last`, which is taken; the rest stays where it is. */
async function before(peer: Peer, destination: string, last: string): Promise<readonly string[]> {
  const wish: Record<string, string> = destination.startsWith('/queue/')
    ? { ack: 'client-individual', 'prefetch-count': '1000' }
    : { last: '1000' };
  peer.send('SUBSCRIBE', { id: destination, destination, ...wish });
  const bodies: string[] = [];
  for (;;) {
    const { command, headers, body } = await peer.frame();
    expect(command).toBe('MESSAGE');
    if (body !== last) bodies.push(body);
    else {
      if (headers['ack'] !== undefined) peer.send('ACK', { id: headers['ack'] });
      peer.send('UNSUBSCRIBE', { id: destination, receipt: 'gone' });
      while ((await peer.frame()).command !== 'RECEIPT');
      return bodies;
    }
  }
}

/** Marsaglia's xorshift, so that a failure names its seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** The first COMMIT of a process takes some ms; the kill falls before, into and after it. */
const SPREAD_MILLISECONDS = 25;

const OUT = ['/queue/left', '/queue/right', '/room/moved'] as const;

interface Move {
  readonly body: string;
  /** In the same hands, behind it. */
  readonly anchor: string;
  readonly source: string;
}

/** The worker takes a message in, and its process is killed while it hands it on. */
async function move({ body, anchor, source }: Move, delay: number): Promise<void> {
  const { child, url } = await start();
  const worker = await enter(url);
  const [destination, transaction] = [source, 't'];
  for (const one of [body, anchor]) worker.send('SEND', { destination }, one);
  worker.send('SUBSCRIBE', { id: 'in', destination, ack: 'client-individual' });
  const got = await worker.frame();
  expect([got.body, (await worker.frame()).body]).toEqual([body, anchor]);
  worker.send('BEGIN', { transaction });
  worker.send('ACK', { id: got.headers['ack'] ?? '', transaction });
  for (const place of OUT) worker.send('SEND', { destination: place, transaction }, body);
  worker.send('SEND', { destination: '/queue/else', receipt: 'ready' });
  expect((await worker.frame()).command).toBe('RECEIPT');
  worker.send('COMMIT', { transaction });
  await sleep(delay);
  await kill(child);
}

/** Where the message is after the next start: in, left, right, moved. */
async function whereIs({ body, anchor, source }: Move): Promise<string> {
  const { child, url } = await start();
  const reader = await enter(url);
  // What comes back comes back before the anchor.
  const seen = [(await before(reader, source, anchor)).includes(body)];
  for (const destination of OUT) {
    reader.send('SEND', { destination }, `end of ${body}`);
    seen.push((await before(reader, destination, `end of ${body}`)).includes(body));
  }
  await kill(child);
  return seen.join();
}

/** Where each message is after its kill: `BEFORE`, `AFTER`, or what must not be. */
export async function killAround(seed: number, kills: number): Promise<readonly string[]> {
  const draw = random(seed);
  const outcomes: string[] = [];
  for (let n = 0; n < kills; n++) {
    const one = { body: `message ${n}`, anchor: `anchor ${n}`, source: `/queue/in.${n}` };
    await move(one, draw() * SPREAD_MILLISECONDS);
    outcomes.push(await whereIs(one));
  }
  return outcomes;
}

/** In, left, right, moved. */
export const BEFORE = 'true,false,false,false';
export const AFTER = 'false,true,true,true';
