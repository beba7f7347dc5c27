import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type LmdbStore, lmdbStore } from '../../adapters/lmdb/store.ts';
import { systemClock } from '../../adapters/system.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { storeContract } from '../contract/store.ts';
import type { Order } from './lmdb-writer.ts';

storeContract('lmdb', async (world) => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const store = lmdbStore({ path, ...world });
  return {
    store,
    async close() {
      await store.close();
      rmSync(path, { recursive: true });
    },
  };
});

/** A folder for one test. */
async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  try {
    await body(path);
  } finally {
    rmSync(path, { recursive: true });
  }
}

const here = (path: string) => lmdbStore({ path, clock: systemClock, limits: LIMITS });
const execArgv = ['--import', 'tsx'];
/** Another process takes a second to start, several where the machine is busy. */
const PATIENCE = 60_000;
const writer = fileURLToPath(new URL('./lmdb-writer.ts', import.meta.url));

/** A worker does not take `--import tsx` on every Node that we serve. */
const threadStart = `import('tsx/esm/api').then(({ register }) => {
  register();
  return import(${JSON.stringify(writer)});
});`;

interface Other {
  obey(order: Order): Promise<void>;
  stop(): Promise<void>;
}

async function otherThread(path: string): Promise<Other> {
  const worker = new Worker(threadStart, { eval: true });
  const obey = async (order: Order): Promise<void> => {
    worker.postMessage(order);
    await once(worker, 'message');
  };
  await obey({ do: 'open store', name: path });
  return { obey, stop: async () => void (await worker.terminate()) };
}

async function otherProcess(path: string): Promise<Other & { readonly child: ChildProcess }> {
  const child = fork(writer, { execArgv });
  const obey = async (order: Order): Promise<void> => {
    child.send(order);
    await once(child, 'message');
  };
  await obey({ do: 'open store', name: path });
  const stop = async (): Promise<void> => {
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  return { obey, stop, child };
}

const destination = parseDestination('/topic/x.y', LIMITS);

test(
  'what was written is there after a restart',
  () =>
    inFolder(async (path) => {
      const other = await otherProcess(path);
      await other.obey({ do: 'subscribe', name: 'a', to: '/topic/x.y' });
      await other.obey({ do: 'subscribe', name: 'b', to: '/topic/x.*' });
      await other.stop();
      const store = here(path);
      const { subscribers } = await store.subscribers(destination);
      expect(subscribers.map(({ connectionId }) => connectionId)).toEqual(['a', 'b']);
      expect((await store.find('a'))?.connection.version).toBe('1.2');
      expect(await store.subscriptions('b')).toHaveLength(1);
      await store.close();
    }),
  PATIENCE,
);

test.each([
  ['thread', otherThread],
  ['process', otherProcess],
])(
  'what another %s has done is seen by the next call, patterns too',
  (_kind, other) =>
    inFolder(async (path) => {
      const store = here(path);
      const heard = async (): Promise<string> => {
        const { subscribers } = await store.subscribers(destination);
        return subscribers.map(({ connectionId }) => connectionId).join();
      };
      const { obey, stop } = await other(path);
      for (let round = 0; round < 20; round++) {
        const [exact, pattern] = [`e${round}`, `p${round}`];
        expect(await heard()).toBe('');
        await obey({ do: 'subscribe', name: exact, to: '/topic/x.y' });
        expect(await heard()).toBe(exact);
        await obey({ do: 'subscribe', name: pattern, to: '/topic/**' });
        expect(await heard()).toBe(`${exact},${pattern}`);
        await obey({ do: 'unsubscribe', name: exact });
        expect(await heard()).toBe(pattern);
        await obey({ do: 'end', name: pattern });
        expect((await store.find(pattern))?.connection.ended).toBe('left');
      }
      await stop();
      await store.close();
    }),
  PATIENCE,
);

test(
  'a process killed amid its writes loses none that it answered, and blocks nobody',
  () =>
    inFolder(async (path) => {
      const store = here(path);
      const first = await store.subscribers(destination);
      expect(first.subscribers).toEqual([]);
      const answered = new Set<string>();
      for (const name of ['a', 'b', 'c']) {
        const { child, stop } = await otherProcess(path);
        const enough = new Promise<void>((resolve) => {
          child.on('message', (id) => {
            answered.add(String(id));
            if (answered.size % 200 === 0) resolve();
          });
        });
        child.send({ do: 'flood', name, to: '/topic/x.y' } satisfies Order);
        await enough;
        await stop();
        const { subscribers } = await store.subscribers(destination);
        const found = new Set(subscribers.map(({ connectionId }) => connectionId));
        expect([...answered].filter((id) => !found.has(id))).toEqual([]);
        for (const id of found) expect(await store.subscriptions(id)).toHaveLength(1);
      }
      await store.end('a0', 'lost');
      expect((await store.find('a0'))?.connection.ended).toBe('lost');
      await store.close();
      const again = here(path);
      const kept = (await again.subscribers(destination)).subscribers.length;
      expect(kept).toBeGreaterThanOrEqual(answered.size - 1);
      await again.close();
    }),
  PATIENCE,
);

test('a durable store answers as any other, and is there after a restart', () =>
  inFolder(async (path) => {
    const durable = (): LmdbStore =>
      lmdbStore({ path, clock: systemClock, limits: LIMITS, durable: true });
    const first = durable();
    const [connectedAt, expiresAt] = [Date.now(), Date.now() + 60_000];
    await first.open({ id: 'a', carrier: 'raw', connectedAt, expiresAt, stamp: '' });
    expect(await first.update('a', { dialect: 'stomp', version: '1.2' }, '1')).toBe('done');
    await first.close();
    const second = durable();
    expect((await second.find('a'))?.connection.version).toBe('1.2');
    await second.end('a', 'left');
    expect(await second.update('a', { version: '1.1' }, '2')).toBe('ended');
    await second.close();
  }));
