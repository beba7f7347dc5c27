/**
 * What the SDK brings for other places than a Lambda, and for other operations than ours, stays out
 * of the bundles: a third of their weight, and of what a cold start parses. Nothing of it is asked
 * for; should it be after all, it throws and names infra/left-out.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const LEFT_OUT = join(root, 'infra/left-out.ts');
const ENDPOINTS = join(root, 'adapters/regional-endpoint.ts');

/** Modules: what stands in for them. */
export const ALIASES = {
  '@aws-sdk/client-sqs': join(root, 'adapters/sqs/send-message.ts'),
  '@aws-sdk/credential-provider-node': join(root, 'adapters/environment-credentials.ts'),
  '@aws-sdk/endpoint-cache': LEFT_OUT,
  '@smithy/signature-v4': join(root, 'adapters/sdk-signer.ts'),
};

/** Files within the SDK's packages that left-out.ts stands in for. */
const FILES = [
  'AdaptiveRetryStrategy',
  'DefaultRateLimiter',
  'Md5Js',
  'Sha256Js',
  'emitWarningIfUnsupportedVersion',
  'getInstanceMetadataRegion',
  'loadSharedConfigFiles',
  'partitions',
  'service-customizations(?:/s3)?',
];

/** The same, where DynamoDB is the only service that is called. */
const FILES_OF_OTHERS = [
  'JsonBytesStringAdapter',
  'HttpBindingNormalizedSchema',
  'check-features',
  'date-utils',
  'loggerMiddleware',
  'middleware-endpoint-discovery',
  'pagination',
  'recursionDetectionMiddleware',
  'resolveDefaultsModeConfig',
  'runtimeExtensions',
  'schemaLogFilter',
];

/**
 * DynamoDB's errors by class: those that hold more than a message, or are asked for by class. All
 * others come as the service's own error, with the name and the message DynamoDB gave.
 */
const ERRORS = ['ConditionalCheckFailedException', 'TransactionCanceledException'];

/** `of`: the services called through the SDK. */
export const thinSdk = (of: 'dynamodb' | 'any'): Plugin => ({
  name: 'thin-sdk',
  setup({ onResolve, onLoad }) {
    const out = of === 'dynamodb' ? [...FILES, ...FILES_OF_OTHERS] : FILES;
    onResolve({ filter: new RegExp(`/(?:${out.join('|')})$`) }, () => ({ path: LEFT_OUT }));
    const rules = /client-([a-z]+)\/dist-es\/endpoint\/endpointResolver\.js$/;
    onLoad({ filter: rules }, ({ path }) => ({
      contents: `import { regionalEndpoints } from ${JSON.stringify(ENDPOINTS)};
        export const defaultEndpointResolver = regionalEndpoints('${rules.exec(path)?.[1]}');`,
    }));
    onLoad({ filter: /client-dynamodb\/dist-es\/schemas\/schemas_0\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(
        /^export var (\w+)\$ = \[-3, n0,[^;]*;\s*n0_registry\.registerError\(\1\$, \1\);$/gm,
        (text, name: string) => (ERRORS.includes(name) ? text : ''),
      ),
    }));
    // Of their package.json only the version is read.
    onLoad({ filter: /@aws-sdk\/[^/]+\/package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
});
