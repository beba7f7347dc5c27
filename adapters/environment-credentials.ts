/**
 * A Lambda function has its credentials, and its Region, in the environment and nowhere else. In the
 * bundles this stands in for `@aws-sdk/credential-provider-node`: the providers of profiles, SSO,
 * tokens and instance metadata, a third of the bundle, need not travel.
 */

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** What the SDK's clients import of that module. Reads the environment when first asked. */
export function defaultProvider(): () => Promise<Credentials> {
  return async () => credentialsIn(process.env);
}

/** Throws in words where there are none. */
export function credentialsIn(
  variables: Readonly<Record<string, string | undefined>>,
): Credentials {
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = variables;
  if (!accessKeyId || !secretAccessKey) {
    throw new Error('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the environment');
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
}

/** Throws in words where it is missing. */
export function environmentRegion(): string {
  const region = process.env['AWS_REGION'];
  if (!region) throw new Error('AWS_REGION is not in the environment');
  return region;
}
