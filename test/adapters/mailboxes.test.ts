import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { memoryMailboxes } from '../../adapters/memory/mailboxes.ts';
import { mailboxContract } from '../contract/mailboxes.ts';

mailboxContract('memory', async (world) => ({
  mailboxes: memoryMailboxes(world),
  close: async () => undefined,
}));

mailboxContract('lmdb', async (world) => {
  const path = mkdtempSync(join(tmpdir(), 'stompway-lmdb-'));
  const store = lmdbStore({ path, ...world });
  return {
    mailboxes: store.mailboxes,
    async close() {
      await store.close();
      rmSync(path, { recursive: true });
    },
  };
});
