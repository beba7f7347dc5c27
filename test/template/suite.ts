/**
 * `npm run test:template`: what CDK synthesizes is what runs. Every variant through the acceptance
 * suite, bad days, no grant too many, and every planted fault caught.
 * `--quick` leaves the planted faults out.
 */
import { verify } from '../aws/verify.ts';
import { findDynamoDbLocal, startDynamoDbLocal } from '../dynamodb-local.ts';
import { noAffinity } from './affinity.ts';
import { runDetour } from './detours.ts';
import type { Mode } from './environment.ts';
import { idleGrants } from './grants.ts';
import { guardedJourneys } from './guarded.ts';
import type { RoleReport } from './iam.ts';
import { judge } from './judge.ts';
import { inOwnNetwork } from './own-network.ts';
import { proveMutations } from './prove.ts';
import { PUMP_CHECKS } from './pumps.ts';
import { openRuntime } from './runtime.ts';
import { synthesize } from './synth.ts';
import { VARIANTS, type Variant } from './variants.ts';

type Reports = Readonly<Record<string, RoleReport>>[];

interface Score {
  passed: number;
  waived: number;
  readonly failed: string[];
}

async function main(): Promise<number> {
  const began = Date.now();
  const found = findDynamoDbLocal();
  if ('missing' in found) {
    console.log(`skipped: ${found.missing}`);
    console.log('0 passed, 0 failed, 1 waived');
    return 0;
  }
  const [assemblies, dynamo] = await Promise.all([synthesize(), startDynamoDbLocal(found.folder)]);
  console.log(`synthesized, and DynamoDB Local up (${seconds(began)} s)`);
  const score: Score = { passed: 0, waived: 0, failed: [] };
  try {
    const reports = new Map<string, Reports>();
    for (const variant of VARIANTS) {
      const folder = assemblies.folder(variant.name);
      const own = await travel(variant, { folder, dynamoUrl: dynamo.endpoint }, score);
      reports.set(variant.name, own);
      await check(score, `${variant.name}: no grant that nobody uses`, async () => {
        const others = (variant.beside ?? []).flatMap((name) => reports.get(name) ?? []);
        const idle = idleGrants([...own, ...others]);
        if (idle.length > 0) throw new Error(`grant-unused: ${idle.join('; ')}`);
        return true;
      });
    }
    await check(score, 'verify:aws has an answer to each of its questions', () =>
      questions(assemblies.folder('fifo'), dynamo.endpoint),
    );
    await noAffinity(assemblies.folder('front-door'), dynamo.endpoint, (name, run) =>
      check(score, name, run),
    );
    await guardedJourneys(dynamo.endpoint, (name, run) => check(score, name, run));
    for (const { name, run } of PUMP_CHECKS) {
      await check(score, name, () => run(dynamo.endpoint).then(() => true));
    }
    if (!process.argv.includes('--quick')) {
      const { folder } = assemblies;
      const options = { folder, dynamoUrl: dynamo.endpoint, print: console.log };
      const { caught, missed } = await proveMutations(options);
      score.passed += caught;
      score.failed.push(...missed);
    }
  } finally {
    assemblies.discard();
    await dynamo.stop();
  }
  for (const fault of score.failed) console.error(`FAIL ${fault}`);
  const waived = score.waived > 0 ? `, ${score.waived} waived` : '';
  console.log(`${seconds(began)} s`);
  console.log(`${score.passed} passed, ${score.failed.length} failed${waived}`);
  return score.failed.length === 0 ? 0 : 1;
}

/** The script for the first real account, asked of the template: it must understand its answers. */
async function questions(folder: string, dynamoUrl: string): Promise<boolean> {
  const runtime = await openRuntime(folder, { mode: 'process', dynamoUrl });
  try {
    const findings = await verify(runtime.url, { slow: false, print: () => undefined });
    const mute = findings.filter(({ found }) => found.startsWith('no answer'));
    if (mute.length > 0)
      throw new Error(mute.map(({ name, found }) => `${name}: ${found}`).join('; '));
    return true;
  } finally {
    await runtime.close();
  }
}

interface Where {
  readonly folder: string;
  readonly dynamoUrl: string;
}

/** Every journey and bad day of one variant; what its roles used. */
async function travel(variant: Variant, where: Where, score: Score): Promise<Reports> {
  const reports: Reports = [];
  const [first] = variant.modes;
  for (const mode of variant.modes) {
    reports.push(await journey(variant, { ...where, mode, slow: mode === first }, score));
  }
  for (const detour of variant.detours ?? []) {
    await check(score, `${variant.name}: ${detour.name}`, async () => {
      const roles = await runDetour(detour, where.folder, where.dynamoUrl);
      if (roles !== undefined) reports.push(roles);
      return roles !== undefined;
    });
  }
  return reports;
}

interface JourneyOptions extends Where {
  readonly mode: Mode;
  readonly slow: boolean;
}

async function journey(
  { name, ingress, only, slow = false }: Variant,
  { folder, ...options }: JourneyOptions,
  score: Score,
): Promise<Readonly<Record<string, RoleReport>>> {
  const began = Date.now();
  const verdict = await judge(folder, {
    ...options,
    ingress,
    slow: slow && options.slow,
    ...(only && { only }),
  });
  const { passed, waived, faults, functions } = verdict;
  score.passed += passed;
  score.waived += waived;
  score.failed.push(...faults.map((line) => `${name}, ${options.mode}: ${line}`));
  const cold = Object.values(functions).reduce((sum, { coldStarts }) => sum + coldStarts, 0);
  const what = `${name}, ${options.mode}: ${passed} journeys, ${cold} cold starts`;
  console.log(`${faults.length === 0 ? 'ok      ' : 'FAIL    '}${what} (${seconds(began)} s)`);
  for (const fault of faults) console.log(`        ${fault}`);
  return verdict.roles;
}

/** `run` throws what failed, and returns false where there is nothing to check. */
async function check(
  score: Score,
  name: string,
  run: () => Promise<boolean | undefined>,
): Promise<void> {
  const began = Date.now();
  try {
    const there = await run();
    if (there === false) score.waived += 1;
    else score.passed += 1;
    console.log(`${there === false ? 'waived  ' : 'ok      '}${name} (${seconds(began)} s)`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    score.failed.push(`${name}: ${why}`);
    console.log(`FAIL    ${name}: ${why}`);
  }
}

function seconds(since: number): string {
  return ((Date.now() - since) / 1000).toFixed(1);
}

await inOwnNetwork(main);
