/**
 * The contract of the `Store` port, sentence by sentence: every adapter runs it, and code that
 * keeps it may stand in for any other. Black box: only the port's own methods are called.
 */
import { storeConnections } from './store-connections.ts';
import { storeHalves } from './store-halves.ts';
import { storeModel } from './store-model.ts';
import { storeNames } from './store-names.ts';
import { storePatterns } from './store-patterns.ts';
import { storeSlices } from './store-slices.ts';
import { storeSubscriptions } from './store-subscriptions.ts';
import type { MakeStore } from './store-world.ts';

export type { MakeStore, OpenStore, StoreWorld } from './store-world.ts';

export interface ContractOptions {
  /** Random histories to compare with the model; fewer where a call takes milliseconds. */
  readonly runs?: number;
  /** Of those histories; fixed, so that a failure is the same one tomorrow. */
  readonly seed?: number;
}

export function storeContract(
  name: string,
  makeStore: MakeStore,
  { runs = 200, seed = 20_240_229 }: ContractOptions = {},
): void {
  describe(`${name} keeps the store's promises`, () => {
    storeConnections(makeStore);
    storeHalves(makeStore);
    storeSubscriptions(makeStore);
    storeNames(makeStore);
    storePatterns(makeStore);
    storeSlices(makeStore);
    storeModel(makeStore, { runs, seed });
  });
}
