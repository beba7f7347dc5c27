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
