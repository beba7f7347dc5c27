import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { systemClock } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import { gatesContract, type MakeGates } from '../contract/gates.ts';
import { mailboxContract } from '../contract/mailboxes.ts';

const memory: MakeGates = async (world) => ({
  mailboxes: memoryMailboxes(world),
  close: async () => undefined,
});

const lmdb: MakeGates = async (world) => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const store = lmdbStore({ path, ...world });
  return {
    mailboxes: store.mailboxes,
    async close() {
      await store.close();
      rmSync(path, { recursive: true });
    },
  };
};

test('who waits when the folder is closed is let go, and looks at nothing any more', async () => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const { mailboxes, close } = lmdbStore({ path, clock: systemClock, limits: LIMITS });
  const lease = { receiver: 'r', until: Date.now() + 60_000, expiresAt: Date.now() + 60_000 };
  await mailboxes.open('s', 's~1', lease);
  const { signal } = new AbortController();
  const waiting = mailboxes.changed('s', 60_000, signal);
  await close();
  await waiting;
  await mailboxes.changed('s', 60_000, signal);
  rmSync(path, { recursive: true });
});

test.each([
  ['memory', memory],
  ['lmdb', lmdb],
])('%s: an append resolves once those who waited for it go on', async (_, make) => {
  const { mailboxes, close } = await make({ clock: systemClock, limits: LIMITS });
  const lease = { receiver: 'r', until: Date.now() + 60_000, expiresAt: Date.now() + 60_000 };
  await mailboxes.open('s.a', 's.a.1', lease);
  const order: string[] = [];
  const { signal } = new AbortController();
  const told = mailboxes.changed('s.a', 60_000, signal).then(() => order.push('told'));
  await mailboxes.append('s.a.1', [Buffer.from('x')]).then(() => order.push('appended'));
  await told;
  expect(order).toEqual(['told', 'appended']);
  await close();
});

test.each([
  ['memory', memory],
  ['lmdb', lmdb],
])(
  '%s: who comes to wait in the turn in which another left is told all the same',
  async (_, make) => {
    const { mailboxes, close } = await make({ clock: systemClock, limits: LIMITS });
    const lease = { receiver: 'r', until: Date.now() + 60_000, expiresAt: Date.now() + 60_000 };
    await mailboxes.open('s.a', 's.a.1', lease);
    const [leaves, stays] = [new AbortController(), new AbortController()];
    const left = mailboxes.changed('s.a', 60_000, leaves.signal);
    const first = mailboxes.append('s.a.1', [Buffer.from('1')]);
    leaves.abort();
    await left;
    await mailboxes.take('s.a', 'r');
    const order: string[] = [];
    const told = mailboxes.changed('s.a', 60_000, stays.signal).then(() => order.push('told'));
    await mailboxes.append('s.a.1', [Buffer.from('2')]).then(() => order.push('appended'));
    expect(order).toEqual(['told', 'appended']);
    await Promise.all([first, told]);
    await close();
  },
);

mailboxContract('memory', memory);
mailboxContract('lmdb', lmdb);
gatesContract('memory', memory);
gatesContract('lmdb', lmdb);
