import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DockerImage, Duration, FileSystem, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { allow } from './grants.ts';

/** The handlers there are: a folder of build/, an export of lambda/ and a function each. */
export const HANDLERS = [
  'connect',
  'disconnect',
  'message',
  'dead',
  'deliver',
  'work',
  'http',
  'greet',
] as const;
export type HandlerName = (typeof HANDLERS)[number];

/** Longer than any handler's own deadline (broker/limits.ts: 10 s), so that it can answer. */
export const HANDLER_TIMEOUT = Duration.seconds(30);

/** Where bundle.ts puts the bundles: beside infra/ in a clone, beside dist/ in the package. */
const BUILD = fileURLToPath(new URL('../build/', import.meta.url));

/** lambda/rules.ts reads it from beside its bundle: a function's environment holds 4 KB. */
const RULES_FILE = 'rules.json';
/** The same of lambda/guard.ts. */
const SECURITY_FILE = 'security.json';
const IDENTITY_FILE = 'identity.mjs';
/** The same of lambda/applications.ts. */
const ASKED_FILE = 'asked.mjs';
/** The bundles import it where posts leave through the SDK. */
const SDK_FILE = 'sdk.mjs';

export interface HandlerProps {
  readonly handler: HandlerName;
  readonly description: string;
  readonly memorySize: number;
  /** @default HANDLER_TIMEOUT */
  readonly timeout?: Duration;
  /** What stands beside the bundle as `rules.json`, if anything does. */
  readonly rules?: string;
  /** What stands there as `security.json`, and beside it `identity.mjs`, which reads it. */
  readonly security?: string;
  /** True: `asked.mjs` stands there, which asks the operator's own Lambdas, and for secrets. */
  readonly asks?: boolean;
  /** True: `sdk.mjs` stands there, the SDK's client of `@connections`. */
  readonly postsBySdk?: boolean;
  readonly logRetention?: RetentionDays;
  readonly environment: Readonly<Record<string, string>>;
  readonly statements: readonly PolicyStatement[];
}

/**
 * A function, its log group and its role. The role holds what `statements` says and writing to this
 * one log group, nothing else: Lambda's managed policy would allow every log group there is.
 */
export function handlerFunction(scope: Construct, id: string, props: HandlerProps): Lambda {
  const logGroup = new LogGroup(scope, `${id}Log`, {
    retention: props.logRetention ?? RetentionDays.ONE_MONTH,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
  role.addToPolicy(allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn));
  for (const statement of props.statements) role.addToPolicy(statement);
  return new Lambda(scope, id, {
    description: props.description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    code: bundle(scope, props),
    handler: `index.${props.handler}`,
    memorySize: props.memorySize,
    timeout: props.timeout ?? HANDLER_TIMEOUT,
    environment: { ...props.environment },
    logGroup,
    role,
  });
}

/** Where nothing will be deployed (`cdk list`, template tests) no bundle is asked for. */
function bundle(
  scope: Construct,
  { handler, rules, security, asks, postsBySdk }: HandlerProps,
): Code {
  if (!Stack.of(scope).bundlingRequired) return Code.fromInline('// not bundled');
  const folder = `${BUILD}${handler}`;
  if (!existsSync(folder)) {
    throw new Error(`There is no bundle of "${handler}": run "npm run bundle" first.`);
  }
  const files = {
    ...(postsBySdk ? { [SDK_FILE]: readFileSync(`${BUILD}sdk/index.mjs`, 'utf8') } : {}),
    ...(asks ? { [ASKED_FILE]: readFileSync(`${BUILD}asked/index.mjs`, 'utf8') } : {}),
    ...(rules === undefined ? {} : { [RULES_FILE]: rules }),
    ...(security === undefined
      ? {}
      : {
          [SECURITY_FILE]: security,
          [IDENTITY_FILE]: readFileSync(`${BUILD}identity/index.mjs`, 'utf8'),
        }),
  };
  return Object.keys(files).length === 0 ? Code.fromAsset(folder) : withFiles(folder, files);
}

/** A folder, and `rules.json` beside what is in it. */
export function withRules(folder: string, rules: string): Code {
  return withFiles(folder, { [RULES_FILE]: rules });
}

/**
 * A folder, and files beside what is in it. The hash tells the CDK, which stages one folder
 * once, that these are other contents.
 */
function withFiles(folder: string, files: Readonly<Record<string, string>>): Code {
  const tryBundle = (output: string): boolean => {
    cpSync(folder, output, { recursive: true });
    for (const [name, text] of Object.entries(files)) writeFileSync(join(output, name), text);
    return true;
  };
  return Code.fromAsset(folder, {
    assetHash: FileSystem.fingerprint(folder, { extraHash: JSON.stringify(files) }),
    bundling: { image: DockerImage.fromRegistry('never-asked-for'), local: { tryBundle } },
  });
}
