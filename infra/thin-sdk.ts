/**
 * What the SDK brings for other places than a Lambda, and for other operations than ours, stays out
 * of the bundles: half of their weight, and of what a cold start parses. Nothing of it is asked for;
 * should it be after all, it throws and names infra/left-out.ts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin, PluginBuild } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

const LEFT_OUT = join(root, 'infra/left-out.ts');
const ENDPOINTS = join(root, 'adapters/regional-endpoint.ts');
const PROTOCOL = join(root, 'adapters/dynamodb/json-protocol.ts');

/** Modules: what stands in for them. */
export const ALIASES = {
  '@aws-sdk/client-sqs': join(root, 'adapters/sqs/send-message.ts'),
  '@aws-sdk/credential-provider-node': join(root, 'adapters/environment-credentials.ts'),
  '@aws-sdk/dynamodb-codec': LEFT_OUT,
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
  'NormalizedSchema',
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
    if (of === 'dynamodb') thinDynamo(onLoad);
    // Of their package.json only the version is read.
    onLoad({ filter: /@aws-sdk\/[^/]+\/package\.json$/ }, ({ path }) => {
      const { version } = JSON.parse(readFileSync(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
});

/** Its protocol in place of the SDK's, and of an operation's schemas the name alone. */
function thinDynamo(onLoad: PluginBuild['onLoad']): void {
  onLoad({ filter: /protocols\/json\/AwsJson1_0Protocol\.js$/ }, () => ({
    contents: `import { HttpRequest } from '@smithy/core/transport';
      import { dynamoProtocol } from ${JSON.stringify(PROTOCOL)};
      export const AwsJson1_0Protocol = /* @__PURE__ */ dynamoProtocol(HttpRequest);`,
  }));
  onLoad({ filter: /client-dynamodb\/dist-es\/schemas\/schemas_0\.js$/ }, ({ path }) => {
    const operations = readFileSync(path, 'utf8').matchAll(/^export var (\w+)\$ = \[9,/gm);
    return {
      contents: [
        'export const errorTypeRegistries = [];',
        // The mark says that nothing is streamed, for which the schemas would be asked.
        `const of = (name) => Object.assign([9, '', name], {
          [Symbol.for('@smithy/op-event-stream')]: false,
        });`,
        ...Array.from(operations, ([, name]) => {
          return `export const ${name}$ = /* @__PURE__ */ of(${JSON.stringify(name)});`;
        }),
      ].join('\n'),
    };
  });
}
