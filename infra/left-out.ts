/**
 * Stands in for `@aws-sdk/endpoint-cache` in the bundles. DynamoDB's endpoint discovery is off
 * unless it is asked for, and nobody asks; then the cache is made and never used. Only the alias in
 * bundle.ts imports this.
 */
export class EndpointCache {
  getEndpoint(): never {
    throw new Error('endpoint discovery is left out of the bundles: see infra/endpoint-cache.ts');
  }
}
