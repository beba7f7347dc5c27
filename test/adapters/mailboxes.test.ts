import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
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

mailboxContract('memory', memory);
mailboxContract('lmdb', lmdb);
gatesContract('memory', memory);
gatesContract('lmdb', lmdb);
