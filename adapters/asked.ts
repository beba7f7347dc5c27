/**
 * The entry of `asked.mjs`, shipped beside a bundle where AWS's own services are asked for what the
 * operator configured: Lambdas of his, and secrets.
 */
export { secretFetcher } from './identity/secret-services.ts';
export { makeInvoke } from './lambda/invoke.ts';
