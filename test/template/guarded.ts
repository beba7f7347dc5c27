/**
 * The guarded broker: synthesized, and its journeys travelled. `node --import tsx
 * test/template/guarded.ts` does so alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDynamoDbLocal, startDynamoDbLocal } from '../dynamodb-local.ts';
import type { Mode } from './environment.ts';
import { SECRET, SECRET_ARN } from './guarded/settings.ts';
import { GUARDED_JOURNEYS } from './journeys-guarded.ts';
import { SIGNED_JOURNEYS } from './journeys-signed.ts';
import { inOwnNetwork } from './own-network.ts';
import { openRuntime } from './runtime.ts';

/** Runs one thing, and keeps the score: see suite.ts. */
export type Check = (name: string, run: () => Promise<boolean>) => Promise<void>;

const APP = fileURLToPath(new URL('guarded/app.ts', import.meta.url));
/** Of the journeys, on purpose. */
const EXPECTED = /planted in the hook/;
/** Frozen between events, as on AWS, and not. */
const VARIANTS = [
  { ingress: 'fifo', mode: 'frozen' },
  { ingress: 'direct', mode: 'process' },
] as const;

/** The bundles must be there. */
export async function guardedJourneys(dynamoUrl: string, check: Check): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-guarded-'));
  try {
    for (const { ingress, mode } of VARIANTS) {
      const outdir = join(folder, ingress);
      synthesize(outdir, { ingress });
      await travel({ name: `guarded, ${ingress}`, outdir, mode, dynamoUrl }, check);
    }
    const outdir = join(folder, 'signed');
    synthesize(outdir, { signed: 'true' });
    await travelSigned(outdir, dynamoUrl, check);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The roles are those of guarded/app.ts. */
async function travelSigned(outdir: string, dynamoUrl: string, check: Check): Promise<void> {
  const secrets = { [SECRET_ARN]: SECRET };
  const runtime = await openRuntime(outdir, { mode: 'process', dynamoUrl, secrets });
  try {
    const role = (of: string) =>
      Object.keys(runtime.roles()).find((name) => name.startsWith(of)) ?? '';
    const place = { url: runtime.url, may: role('Sensors'), mayNot: role('Strangers') };
    for (const journey of SIGNED_JOURNEYS) {
      await check(`signed: ${journey.name}`, () => journey.run(place).then(() => true));
    }
  } finally {
    await runtime.close();
  }
}

function synthesize(outdir: string, context: Readonly<Record<string, string>>): void {
  const env = {
    ...process.env,
    CDK_OUTDIR: outdir,
    CDK_CONTEXT_JSON: JSON.stringify(context),
  };
  const args = ['--import', 'tsx', APP];
  const { status } = spawnSync(process.execPath, args, { env, stdio: 'inherit' });
  if (status !== 0) throw new Error(`${APP} ended with ${status}`);
}

interface Trip {
  readonly name: string;
  readonly outdir: string;
  readonly mode: Mode;
  readonly dynamoUrl: string;
}

async function travel({ name, outdir, mode, dynamoUrl }: Trip, check: Check): Promise<void> {
  const runtime = await openRuntime(outdir, {
    mode,
    dynamoUrl,
    secrets: { [SECRET_ARN]: SECRET },
  });
  const place = { url: runtime.url, http: runtime.httpUrl ?? '' };
  try {
    for (const journey of GUARDED_JOURNEYS) {
      await check(`${name}: ${journey.name}`, () => journey.run(place).then(() => true));
    }
    await check(`${name}: nothing went wrong inside`, async () => {
      await runtime.settle();
      const faults = runtime.faults.filter((line) => !EXPECTED.test(line));
      if (faults.length > 0) throw new Error(faults.join('; '));
      return true;
    });
  } finally {
    await runtime.close();
  }
}

async function main(): Promise<number> {
  const found = findDynamoDbLocal();
  if ('missing' in found) {
    console.log(`skipped: ${found.missing}`);
    return 0;
  }
  const dynamo = await startDynamoDbLocal(found.folder);
  let [passed, failed] = [0, 0];
  try {
    await guardedJourneys(dynamo.endpoint, async (name, run) => {
      const began = Date.now();
      const why = await run().then(
        () => undefined,
        (cause: Error) => cause.message,
      );
      if (why === undefined) passed++;
      else failed++;
      console.log(
        `${why === undefined ? 'ok  ' : 'FAIL'} ${name} ${why ?? ''} (${Date.now() - began} ms)`,
      );
    });
  } finally {
    await dynamo.stop();
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith('guarded.ts')) await inOwnNetwork(main);
