/** Functions out of the template, checked as Lambda checks them, each with its environment. */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Answer, environmentsOf, type FunctionSpec, type Mode } from './environment.ts';
import { TemplateFault } from './fault.ts';
import { createFunction, type LambdaFunction } from './functions.ts';
import type { Authority } from './iam.ts';
import { asText, type Reader } from './json.ts';
import { functionArn, logStreamArn, REGION, roleArn } from './names.ts';
import { secretOf } from './signature.ts';
import type { Resolved, Stack } from './stack.ts';

/** Node.js runtimes that can still be created (Lambda Developer Guide, "Runtimes"). */
const RUNTIMES: ReadonlySet<string> = new Set(['nodejs20.x', 'nodejs22.x', 'nodejs24.x']);
const ARCHITECTURES: ReadonlySet<string> = new Set(['arm64', 'x86_64']);
/** Reserved by Lambda: a template that sets one is refused. */
const RESERVED = /^(?:_|AWS_(?!NODEJS_CONNECTION_REUSE)|LAMBDA_|TZ$)/;
const VARIABLES_BYTES_MAX = 4096;
const WITHOUT_EFFECT = ['FunctionName', 'Description', 'TracingConfig', 'Tags'] as const;

export interface LambdaOptions {
  readonly authority: Authority;
  /** The WebSocket API's origin on AWS, and the SDK endpoint that stands for it here. */
  readonly moved: { readonly from: string; readonly to: string };
  readonly mode: Mode;
  readonly log: (line: string) => void;
}

export interface Lambdas {
  readonly byName: ReadonlyMap<string, LambdaFunction>;
  byArn(arn: string, where: string): LambdaFunction;
  /** Ends every environment that has nothing in hand. */
  recycle(): Promise<void>;
  close(): Promise<void>;
}

/** Throws a fault for what Lambda would refuse, or would only find at the first event. */
export async function lambdasOf(stack: Stack, options: LambdaOptions): Promise<Lambdas> {
  const copies: string[] = [];
  const byName = new Map<string, LambdaFunction>();
  const environments = environmentsOf(options.mode);
  for (const resource of stack.of('AWS::Lambda::Function')) {
    const spec = specOf(resource, stack, options, copies);
    options.authority.assume(spec.role, 'lambda.amazonaws.com', resource.properties.where);
    const log = (line: string): void => options.log(`${spec.name} ${line}`);
    demandLogging(spec, options.authority);
    byName.set(spec.name, createFunction(spec, { environments, log }));
  }
  const close = async (): Promise<void> => {
    await Promise.all([...byName.values()].map((one) => one.close()));
    await environments.close();
    for (const folder of copies) rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const one of byName.values()) demandHandler(one.spec, await one.warm());
  } catch (cause) {
    await close();
    throw cause;
  }
  return {
    byName,
    byArn: (arn, where) => {
      const found = [...byName.values()].find((one) => [one.spec.arn, one.spec.name].includes(arn));
      if (found !== undefined) return found;
      throw new TemplateFault('unknown-reference', where, `function ${arn}`);
    },
    recycle: async () => {
      await Promise.all([...byName.values()].map((one) => one.recycle()));
    },
    close,
  };
}

/** What became of the first environment, as a fault with a name. */
function demandHandler({ name, handler }: FunctionSpec, refused: Answer | undefined): void {
  if (refused === undefined || !('errorType' in refused)) return;
  const code =
    refused.errorType === 'Runtime.HandlerNotFound'
      ? 'handler-export-missing'
      : refused.errorMessage.startsWith('Error: Cannot find module')
        ? 'handler-file-missing'
        : 'handler-failed';
  const [first] = refused.errorMessage.split('\n');
  const what = `${handler}: ${refused.errorType}: ${first}`;
  throw new TemplateFault(code, name, what);
}

function specOf(
  { name, properties }: Resolved,
  stack: Stack,
  options: LambdaOptions,
  copies: string[],
): FunctionSpec {
  const { where } = properties;
  properties.ignore(...WITHOUT_EFFECT, 'ReservedConcurrentExecutions');
  choose(properties.text('Runtime'), RUNTIMES, 'invalid-runtime', `${where}.Runtime`);
  for (const one of properties.list('Architectures')) {
    choose(asText(one, where), ARCHITECTURES, 'wrong-value', `${where}.Architectures`);
  }
  const seconds = within(properties, 'Timeout', 3, [1, 900]);
  const memory = within(properties, 'MemorySize', 128, [128, 10_240]);
  const logging = properties.object('LoggingConfig');
  logging?.ignore('LogFormat', 'ApplicationLogLevel', 'SystemLogLevel');
  const spec = {
    name,
    arn: functionArn(name),
    role: roleName(properties.text('Role'), where),
    handler: properties.text('Handler'),
    timeoutMilliseconds: seconds * 1000,
    memoryMegabytes: memory,
    logGroup: logging?.text('LogGroup') ?? `/aws/lambda/${name}`,
  };
  const folder = copyOf(assetOf(properties, stack), copies);
  const environment = environmentOf(spec, variablesOf(properties), options);
  properties.done();
  return { ...spec, folder, environment };
}

function choose(
  value: string,
  known: ReadonlySet<string>,
  code: 'invalid-runtime' | 'wrong-value',
  where: string,
): void {
  if (!known.has(value)) {
    throw new TemplateFault(code, where, `${value}; there are ${[...known].join(', ')}`);
  }
}

function within(
  properties: Reader,
  key: string,
  otherwise: number,
  [min, max]: readonly [number, number],
): number {
  const value = properties.maybeNumber(key) ?? otherwise;
  if (value >= min && value <= max) return value;
  throw new TemplateFault(
    'wrong-value',
    `${properties.where}.${key}`,
    `${value}: ${min} to ${max}`,
  );
}

function roleName(arn: string, where: string): string {
  const name = arn.split('/').at(-1) ?? '';
  if (arn === roleArn(name)) return name;
  throw new TemplateFault('wrong-value', `${where}.Role`, arn);
}

function assetOf(properties: Reader, stack: Stack): string {
  const code = properties.object('Code');
  code?.ignore('S3Bucket');
  const key = code?.text('S3Key') ?? '';
  const folder = stack.assembly.assets.get(key);
  if (folder !== undefined && existsSync(folder)) return folder;
  throw new TemplateFault('asset-missing', `${properties.where}.Code`, key);
}

/** Out of the repository: neither its node_modules nor its package.json reach the bundle. */
function copyOf(folder: string, copies: string[]): string {
  const copy = mkdtempSync(join(tmpdir(), 'stompway-function-'));
  copies.push(copy);
  cpSync(folder, copy, { recursive: true });
  return copy;
}

function variablesOf(properties: Reader): Readonly<Record<string, string>> {
  const where = `${properties.where}.Environment`;
  const variables = properties.object('Environment')?.object('Variables');
  const entries = Object.keys(variables?.value ?? {}).map((key) => {
    const value = variables?.text(key);
    if (RESERVED.test(key)) throw new TemplateFault('wrong-value', where, `${key} is reserved`);
    return [key, asText(value, `${where}.${key}`)] as const;
  });
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key + value), 0);
  if (bytes > VARIABLES_BYTES_MAX) throw new TemplateFault('wrong-value', where, `${bytes} octets`);
  return Object.fromEntries(entries);
}

/** Exactly the template's variables and those that Lambda itself sets. */
function environmentOf(
  spec: Omit<FunctionSpec, 'folder' | 'environment'>,
  variables: Readonly<Record<string, string>>,
  { moved }: LambdaOptions,
): Readonly<Record<string, string>> {
  const entries = Object.entries(variables).map(
    ([key, value]) => [key, value.replace(moved.from, moved.to)] as const,
  );
  return {
    ...Object.fromEntries(entries),
    _HANDLER: spec.handler,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(spec.memoryMegabytes),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_LOG_GROUP_NAME: spec.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
    AWS_ACCESS_KEY_ID: spec.role,
    AWS_SECRET_ACCESS_KEY: secretOf(spec.role),
    AWS_SESSION_TOKEN: 'token',
    _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
    AWS_ENDPOINT_URL: moved.to,
    TZ: ':UTC',
  };
}

/** On AWS a function that may not log runs all the same, and nobody ever learns what it did. */
function demandLogging(spec: FunctionSpec, authority: Authority): void {
  for (const action of ['logs:CreateLogStream', 'logs:PutLogEvents']) {
    if (!authority.allows(spec.role, action, logStreamArn(spec.logGroup))) {
      throw new TemplateFault('access-denied', spec.name, `${action} on ${spec.logGroup}`);
    }
  }
}
