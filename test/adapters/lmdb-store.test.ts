import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { storeContract } from '../contract/store.ts';

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
