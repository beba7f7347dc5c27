/**
 * `npm run test:dynamodb`: the suites of this folder against DynamoDB Local, which is started and
 * ended here. It listens on every interface, so all of it runs in a network namespace of its own,
 * with loopback alone, where the system lets us make one.
 */
import { spawn, spawnSync } from 'node:child_process';
import { findDynamoDbLocal, startDynamoDbLocal } from '../dynamodb-local.ts';

const INSIDE = 'STOMPWAY_OWN_NETWORK';

const place = findDynamoDbLocal();
if ('missing' in place) {
  console.error(place.missing);
  process.exitCode = 1;
} else if (process.env[INSIDE] === undefined && canUnshare()) {
  process.exitCode = await run('unshare', unshared([process.execPath, ...process.execArgv]), {
    [INSIDE]: 'yes',
  });
} else {
  if (process.env[INSIDE] === undefined) {
    console.warn('No network namespace to be had: DynamoDB Local listens on every interface.');
  }
  process.exitCode = await suites(place.folder);
}

async function suites(folder: string): Promise<number> {
  const database = await startDynamoDbLocal(folder);
  const asked = process.argv.slice(2);
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  try {
    return await run(
      process.execPath,
      [
        ...jest,
        'node_modules/jest/bin/jest.js',
        ...(asked.length > 0 ? asked : ['test/dynamodb/']),
      ],
      { DYNAMODB_LOCAL_ENDPOINT: database.endpoint },
    );
  } finally {
    await database.stop();
  }
}

function canUnshare(): boolean {
  const [first = '', ...rest] = ['unshare', ...unshared(['true'])];
  return spawnSync(first, rest, { stdio: 'ignore' }).status === 0;
}

/** `-r`: what makes it possible without being root. */
function unshared(command: readonly string[]): readonly string[] {
  const script = command[0] === 'true' ? [] : [process.argv[1] ?? '', ...process.argv.slice(2)];
  const inside = 'ip link set lo up && exec "$@"';
  return ['-rn', 'sh', '-c', inside, 'sh', ...command, ...script];
}

function run(
  command: string,
  args: readonly string[],
  more: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...more } });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
