/**
 * Stands in, in the bundles, for what the SDK brings and a Lambda on Node never asks for. Only
 * bundle.ts names this file; the bundles' test and the template runtime show that nobody asks.
 */

function leftOut(): never {
  throw new Error('this part of the SDK is left out of the bundles: see infra/left-out.ts');
}

/** DynamoDB's endpoint discovery is off unless asked for; the cache is made, and never used. */
export class EndpointCache {
  readonly getEndpoint = leftOut;
}

/** For machines whose Node has no `crypto`. */
export class Sha256Js {
  readonly update = leftOut;
}
export class Md5Js {
  readonly update = leftOut;
}

/** Of the retry mode `adaptive`, which nobody sets. */
export class DefaultRateLimiter {
  readonly getSendToken = leftOut;
}

/** A function has its Region in the environment. */
export const getInstanceMetadataRegion = leftOut;

/** Which Regions belong together; endpoints are made of the Region alone (regional-endpoint.ts). */
export const partitionsInfo = { version: '', partitions: [] };

/** The same: a retry mode. */
export class AdaptiveRetryStrategy {
  readonly acquireInitialRetryToken = leftOut;
}

/** Of DynamoDB's client: its protocol knows octets by themselves (adapters/dynamodb/json-protocol.ts). */
export class DynamoDBJsonCodec2 {}
export const NormalizedSchema = { of: leftOut };
export const isStaticSchema = leftOut;
export const simpleSchemaCacheN = [];
export const simpleSchemaCacheS = {};

/** Where a request's parts stand in headers, query and path: DynamoDB has all in the body. */
export const HttpBindingNormalizedSchema = { of: leftOut };
export const getHttpOperationBindings = () => [];

/** Times, which none of our operations on a table gets or gives. */
export const dateToUtcString = leftOut;
export const parseRfc3339DateTime = leftOut;
export const parseRfc3339DateTimeWithOffset = leftOut;
export const parseRfc7231DateTime = leftOut;
export const parseEpochTimestamp = leftOut;

/** DynamoDB invokes nobody, so nothing goes round by it. */
export const recursionDetectionMiddleware =
  () =>
  <Next>(next: Next): Next =>
    next;

/** Which Node runs is the template's choice. */
export const emitWarningIfUnsupportedVersion = (): void => undefined;
export const state = { warningEmitted: true };

/** A function has no `~/.aws`. */
export const loadSharedConfigFiles = async () => ({ configFile: {}, credentialsFile: {} });
export const CONFIG_PREFIX_SEPARATOR = '.';

/** S3's buckets as parts of host names. */
export const resolveParamsForS3 = leftOut;

/** Nobody gives the SDK a logger. */
export const schemaLogFilter = leftOut;
export const loggerMiddleware = leftOut;
export const loggerMiddlewareOptions = {};
export const getLoggerPlugin = () => ({ applyToStack: () => undefined });

/** Which of the SDK's features are used, as the user agent tells AWS. */
export const checkFeatures = async (): Promise<void> => undefined;

/** A table is found by its Region; asking DynamoDB for a nearer endpoint is off unless asked for. */
export const resolveEndpointDiscoveryConfig = <Config>(config: Config): Config => config;
export const NODE_ENDPOINT_DISCOVERY_CONFIG_OPTIONS = {
  environmentVariableSelector: () => undefined,
  configFileSelector: () => undefined,
  default: undefined,
};

/** Pages are asked for one by one, under limits of our own. */
export const paginateQuery = leftOut;

/** Nobody extends a client, or asks it for another mode of defaults. */
export const resolveRuntimeExtensions = <Config>(config: Config): Config => config;
export const resolveDefaultsModeConfig = () => async () => 'legacy';

/** A body's octets. The SDK's own can be read as a string as well, with a warning; nobody does. */
export class JsonBytesStringAdapter extends Uint8Array {
  static allocUnsafe(bytes: number): JsonBytesStringAdapter {
    const { buffer, byteOffset, byteLength } = Buffer.allocUnsafe(bytes);
    return new JsonBytesStringAdapter(buffer, byteOffset, byteLength);
  }
}
