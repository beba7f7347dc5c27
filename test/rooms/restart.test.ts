/** The store outlives the process: what was acknowledged is there, and nobody stays who is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ear, presence } from './person.ts';
import { clear, enter, start, stop } from './served.ts';

const folder = mkdtempSync(join(tmpdir(), 'stompway-restart-'));
const children: ChildProcess[] = [];

afterEach(async () => {
  await clear();
  await Promise.all(children.splice(0).map(kill));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `npm start` in a process of its own; resolves with its port. */
async function npmStart(
  data: string,
  port: number,
): Promise<{ child: ChildProcess; port: number }> {
  const args = ['--import', 'tsx', 'local/main.ts', '--port', String(port), '--data', data];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  for await (const line of createInterface(child.stdout)) {
    const found = /^ready on .*:(\d+)$/.exec(line)?.[1];
    if (found !== undefined) return { child, port: Number(found) };
  }
  throw new Error('npm start ended before it was ready');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('kill -9 in the midst of publishing: every RECEIPT holds, and a member resumes through it', async () => {
  const data = join(folder, 'killed');
  const { child, port } = await npmStart(data, 0);
  const url = `ws://127.0.0.1:${port}/ws`;
  const [reader, writer] = [enter(url), enter(url)];
  const heard = await ear(reader, '/room/x');
  const sent = Array.from({ length: 1_000 }, (_, index) => String(index));
  let receipts = 0;
  let killed: Promise<void> | undefined;
  for (let from = 0; from < sent.length; from += 50) {
    const some = sent.slice(from, from + 50).map(async (body) => {
      await writer.rooms.publish('/room/x', body);
      receipts += 1;
      if (receipts === 475)
        killed = kill(child)
          .then(() => npmStart(data, port))
          .then(() => undefined);
    });
    await Promise.all(some);
  }
  await killed;
  await heard.heard(sent.length);
  const late = await ear(enter(url), '/room/x', { last: '1000' });
  await late.heard(sent.length);
  expect(heard.bodies).toEqual(sent);
  expect(late.bodies).toEqual(sent);
  expect(heard.resumed).toEqual([true]);
}, 60_000);

const QUICK_GRACE = { presenceGraceSeconds: 0.3 };

test('who was there when the process died is a leave after the next start', async () => {
  const kept = { memory: false, data: join(folder, 'stale'), limits: QUICK_GRACE };
  // Without $disconnect, as the dead leave it.
  const first = await start({
    ...kept,
    limits: { ...QUICK_GRACE, youngConnectionSeconds: 0 },
    faults: { seed: 1, disconnectLost: 1 },
  });
  const [ann, bob] = [enter(first, { name: 'ann' }), enter(first, { name: 'bob' })];
  await Promise.all([ann, bob].map((one) => ear(one, '/room/x')));
  for (const one of [ann, bob]) one.away();
  await stop();
  const url = await start(kept);
  await ear(enter(url, { name: 'cleo' }), '/room/x');
  const watched = await presence(enter(url), '/room/x');
  await watched.until(() => watched.members.length === 1);
  expect(watched.members).toEqual(['cleo']);
}, 20_000);

test('a grace that was running when the process ended is over after the next start', async () => {
  const kept = { memory: false, data: join(folder, 'fading'), limits: QUICK_GRACE };
  const ann = enter(await start(kept), { name: 'ann' });
  await ear(ann, '/room/x');
  ann.away();
  await stop();
  const watched = await presence(enter(await start(kept)), '/room/x');
  await watched.until(() => watched.members.length === 0);
}, 20_000);

test('who comes back within the grace has never left', async () => {
  const kept = { memory: false, data: join(folder, 'back'), limits: { presenceGraceSeconds: 2 } };
  const port = Number(new URL(await start(kept)).port);
  await stop();
  const url = await start({ ...kept, port });
  const ann = enter(url, { name: 'ann' });
  const heard = await ear(ann, '/room/x');
  await stop();
  await start({ ...kept, port });
  await heard.back(1);
  const watched = await presence(enter(url, { name: 'eye' }), '/room/x');
  await ear(enter(url, { name: 'bob' }), '/room/x');
  await watched.until(() => watched.events.length > 0);
  expect(watched.events).toEqual(['join bob']);
  expect(heard.resumed).toEqual([true]);
}, 20_000);
