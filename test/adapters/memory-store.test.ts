import { memoryStore } from '../../adapters/memory/store.ts';
import { storeContract } from '../contract/store.ts';

storeContract('memory', async (world) => ({ store: memoryStore(world), close: async () => {} }));
