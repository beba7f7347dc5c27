/**
 * Stands in, in the bundles, for the SDK's endpoint rules: a function calls the ordinary endpoints
 * of its own Region, which takes a host name and not a rules engine with every Region in it. Only
 * the bundler (infra/bundle.ts) names this; a test holds it against the rules, Region by Region.
 */

/** What the SDK asks by; there is more, which the ordinary endpoints do not depend on. */
interface Asked {
  readonly Endpoint?: string;
  readonly Region?: string;
  readonly UseFIPS?: boolean;
  readonly UseDualStack?: boolean;
}

/** Where Regions are not under amazonaws.com. */
const SUFFIXES: readonly (readonly [prefix: RegExp, suffix: string])[] = [
  [/^cn-/, 'amazonaws.com.cn'],
  [/^eusc-/, 'amazonaws.eu'],
  [/^us-iso-/, 'c2s.ic.gov'],
  [/^us-isob-/, 'sc2s.sgov.gov'],
  [/^eu-isoe-/, 'cloud.adc-e.uk'],
  [/^us-isof-/, 'csp.hci.ic.gov'],
];

/** `Endpoint` is what the client was made with, or what AWS_ENDPOINT_URL says. */
export function regionalEndpoints(service: string): (asked: Asked) => { readonly url: URL } {
  return ({ Endpoint, Region, UseFIPS, UseDualStack }) => {
    if (Endpoint !== undefined) return { url: new URL(Endpoint) };
    if (Region === undefined) throw new Error('AWS_REGION is not in the environment');
    if (UseFIPS || UseDualStack) {
      throw new Error('FIPS and dual-stack endpoints are left out of the bundles');
    }
    const suffix = SUFFIXES.find(([prefix]) => prefix.test(Region))?.[1] ?? 'amazonaws.com';
    return { url: new URL(`https://${service}.${Region}.${suffix}`) };
  };
}
