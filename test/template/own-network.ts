/**
 * DynamoDB Local listens on every interface and cannot be told otherwise. So what uses it runs again
 * in a network namespace of its own with loopback alone, where the system lets us make one.
 */
import { spawn, spawnSync } from 'node:child_process';

const INSIDE = 'STOMPWAY_OWN_NETWORK';
const IN_NAMESPACE = ['-rn', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

/** Runs `main` inside, and ends the process with its status. */
export async function inOwnNetwork(main: () => Promise<number>): Promise<never> {
  if (process.env[INSIDE] !== undefined) process.exit(await main());
  if (spawnSync('unshare', [...IN_NAMESPACE, 'true'], { stdio: 'ignore' }).status !== 0) {
    console.warn('No network namespace to be had: DynamoDB Local listens on every interface.');
    process.exit(await main());
  }
  const script = [...process.execArgv, ...process.argv.slice(1)];
  const child = spawn('unshare', [...IN_NAMESPACE, process.execPath, ...script], {
    stdio: 'inherit',
    env: { ...process.env, [INSIDE]: 'yes' },
  });
  process.exit(
    await new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1))),
  );
}
