/**
 * The contract of the `Journal` port, sentence by sentence: every adapter runs it, and code that
 * keeps it may stand in for any other. Black box: only the port's own methods are called.
 */
import { journalAppend } from './journal-append.ts';
import { journalCommit } from './journal-commit.ts';
import { journalHistory } from './journal-history.ts';
import { journalModel } from './journal-model.ts';
import { journalOnce } from './journal-once.ts';
import type { MakeJournal } from './journal-world.ts';
import type { ContractOptions } from './store.ts';

export function journalContract(
  name: string,
  make: MakeJournal,
  { runs = 100, seed = 20_240_229 }: ContractOptions = {},
): void {
  describe(`${name} keeps the journal's promises`, () => {
    journalAppend(make);
    journalOnce(make);
    journalCommit(make);
    journalHistory(make);
    journalModel(make, { runs, seed });
  });
}
