/**
 * `npm run template -- FOLDER [--mode process|frozen] [--ingress direct] [--only TEXT]
 * [--slow] [--verbose]`: runs a
 * synthesized assembly through the acceptance suite. Exit 1 and one line per fault if anything is
 * wrong with it; exit 0 with a note where DynamoDB Local cannot run.
 */
import { findDynamoDbLocal, startDynamoDbLocal } from '../dynamodb-local.ts';
import type { Mode } from './environment.ts';
import { judge } from './judge.ts';
import { inOwnNetwork } from './own-network.ts';

async function main([folder, ...flags]: readonly string[]): Promise<number> {
  if (folder === undefined) {
    console.error('Usage: npm run template -- FOLDER [--mode process|frozen] [--ingress direct]');
    return 2;
  }
  const found = findDynamoDbLocal();
  if ('missing' in found) {
    console.log(`skipped: ${found.missing}`);
    return 0;
  }
  const dynamo = await startDynamoDbLocal(found.folder);
  const mode: Mode = flags.includes('frozen') ? 'frozen' : 'process';
  const ingress = flags.includes('direct') ? 'direct' : 'fifo';
  const log = flags.includes('--verbose') ? console.log : () => undefined;
  const print = console.log;
  const part = flags.includes('--only') ? (flags[flags.indexOf('--only') + 1] ?? '') : '';
  const only = (name: string): boolean => name.includes(part);
  try {
    const verdict = await judge(folder, {
      mode,
      ingress,
      dynamoUrl: dynamo.endpoint,
      log,
      print,
      only,
      slow: flags.includes('--slow'),
    });
    for (const fault of verdict.faults) console.error(fault);
    const waived = verdict.waived > 0 ? `, ${verdict.waived} waived` : '';
    console.log(`${verdict.passed} passed, ${verdict.faults.length} failed${waived}`);
    return verdict.faults.length === 0 ? 0 : 1;
  } finally {
    await dynamo.stop();
  }
}

await inOwnNetwork(() => main(process.argv.slice(2)));
