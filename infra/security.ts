/** Who may come in, as the construct takes it: checked at synth, written for the handlers. */

import { Token } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import {
  type IdentitySettings,
  parseSecurity,
  type RateSettings,
  SECURITY_KEYS,
} from '../broker/identity-settings.ts';
import type { Permission } from '../broker/permission.ts';
import { fieldsOf } from '../broker/settings.ts';
import { NAMED_VARIABLES } from './environment.ts';
import { allow } from './grants.ts';

/** An `ISecret` of Secrets Manager. */
export interface SharedSecret {
  readonly secretArn: string;
  readonly secretFullArn?: string | undefined;
  readonly encryptionKey?: { readonly keyArn: string } | undefined;
}

/** An `IStringParameter` of Systems Manager. */
export interface SharedParameter {
  readonly parameterArn: string;
  readonly encryptionKey?: { readonly keyArn: string } | undefined;
}

/** Who may come in, and who may do what: the same as in `stompway.json`. */
export interface SecurityProps {
  /** Tokens that are believed, keys, signatures, your own code; whether anybody may. */
  readonly identity: {
    readonly tokens?: readonly {
      /** `HS256` goes with `secret`, the others with a key pair: `jwksUrl`, `jwks` or `publicKey`. */
      readonly algorithms: readonly ('HS256' | 'RS256' | 'ES256')[];
      /**
       * What an issuer of HS256 shares: a secret whose value is the text alone, or a parameter of
       * type SecureString. Functions that see tokens read it when the first comes; neither template
       * nor environment holds it.
       */
      readonly secret?: SharedSecret | SharedParameter;
      /** Of a Cognito user pool: `https://cognito-idp.REGION.amazonaws.com/POOL/.well-known/jwks.json`. */
      readonly jwksUrl?: string;
      readonly jwks?: { readonly keys: readonly object[] };
      readonly publicKey?: string;
      readonly issuer?: string;
      readonly audience?: string;
      readonly leeway?: string;
      readonly user?: string;
    }[];
    /** For programs: `sha256` is that of a long random key. */
    readonly keys?: readonly {
      readonly id?: string;
      readonly sha256: string;
      readonly user: string;
      readonly claims?: object;
    }[];
    /**
     * A Lambda of your own, asked last: it gets `{token, login, arrival}` and answers
     * `{user, claims, tokenId, expiresAt, grants}`, or null for a token it does not know. What throws,
     * or takes longer than 5 seconds, lets nobody in.
     *
     * @default - none
     */
    readonly hook?: IFunction;
    /**
     * Whether handshakes must be signed (Signature Version 4) by somebody who may call
     * `execute-api:Invoke` on `$connect`: see `grantConnect`. Not behind CloudFront, whose domain is
     * another than the signed one; HTTP takes tokens and keys all the same.
     *
     * @default false
     */
    readonly iam?: boolean;
    readonly anonymous?: boolean;
    readonly cookie?: string;
    readonly grantsClaim?: string;
  };
  /**
   * Who may do what, by patterns of destinations and claims.
   *
   * @default - nobody may do anything
   */
  readonly permissions?: readonly Permission[];
  /**
   * Pages that may connect.
   *
   * @default - all
   */
  readonly origins?: readonly string[];
  /**
   * Administrators, by the SHA-256 of their keys; `http` must be true.
   *
   * @default - nobody
   */
  readonly administration?: { readonly keys: readonly string[] };
  /**
   * How fast one connection or user may send, and what each may hold. Counted by each environment
   * for itself, at no read and no write; `connectionsPerUser` and `roomsPerConnection` read once for
   * each connection or room.
   *
   * @default - 1,000 messages and 4 MB a second of a connection; 100 subscriptions
   */
  readonly limits?: RateSettings;
}

/** What functions are shipped with, and what those need besides that see who clients are. */
export interface Shipment {
  /** `security.json`. */
  readonly json: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly statements: readonly PolicyStatement[];
  /** Whether `asked.mjs` is needed, which asks Lambdas, and for secrets. */
  readonly asks: boolean;
}

/** Throws an Error that names the key, in words for the operator. */
export function shipmentOf(props: SecurityProps): Shipment {
  const { hook, ...identity } = props.identity;
  const tokens = (identity.tokens ?? []).map((token, index) => secretless(token, index));
  const written = {
    ...identity,
    ...(identity.tokens === undefined ? {} : { tokens: tokens.map(({ token }) => token) }),
    ...(hook === undefined ? {} : { hook: NAMED_VARIABLES.hook }),
  };
  const text = JSON.stringify({ ...props, identity: written }, undefined, 1);
  if (Token.isUnresolved(text)) {
    throw new Error('security must be known at synth: it is shipped as a file beside the bundles');
  }
  check(JSON.parse(text));
  return {
    json: `${text}\n`,
    environment: {
      ...Object.assign({}, ...tokens.map(({ environment }) => environment)),
      ...(hook === undefined ? {} : { [NAMED_VARIABLES.hook]: hook.functionArn }),
    },
    statements: [
      ...tokens.flatMap(({ statements }) => statements),
      ...(hook === undefined ? [] : [allow(['lambda:InvokeFunction'], hook.functionArn)]),
    ],
    asks: hook !== undefined || tokens.some(({ statements }) => statements.length > 0),
  };
}

type TokenProps = NonNullable<SecurityProps['identity']['tokens']>[number];

/** A secret becomes the name of a variable, which holds its ARN. */
function secretless(
  token: TokenProps,
  index: number,
): Pick<Shipment, 'environment' | 'statements'> & { readonly token: object } {
  const { secret, ...rest } = token;
  const name = `identity.tokens[${index}]`;
  if ('secretVariable' in rest) {
    throw new Error(`${name}.secretVariable is for npm start alone: give the construct a secret`);
  }
  if (secret === undefined) return { token: rest, environment: {}, statements: [] };
  const variable = `${NAMED_VARIABLES.secret}_${index}`;
  // AWS's own keys are used for whoever may read the secret.
  const { encryptionKey: key } = secret;
  return {
    token: { ...rest, secretVariable: variable },
    environment: { [variable]: isSecret(secret) ? secret.secretArn : secret.parameterArn },
    statements: [
      // Without the six random characters of its ARN a secret of another name might fit.
      isSecret(secret)
        ? allow(
            ['secretsmanager:GetSecretValue'],
            secret.secretFullArn ?? `${secret.secretArn}-??????`,
          )
        : allow(['ssm:GetParameter'], secret.parameterArn),
      ...(key === undefined ? [] : [allow(['kms:Decrypt'], key.keyArn)]),
    ],
  };
}

function isSecret(secret: SharedSecret | SharedParameter): secret is SharedSecret {
  return 'secretArn' in secret;
}

/**
 * Of a file's settings, what is said of security; undefined if nothing is. Throws in words where it
 * names what a deployed broker cannot have from a file.
 */
export function securityOf(settings: ReadonlyMap<string, unknown>): SecurityProps | undefined {
  const security: unknown = Object.fromEntries(
    [...settings].filter(([key]) => SECURITY_KEYS.some((one) => one === key)),
  );
  if (Object.keys(Object(security)).length === 0) return undefined;
  const identity = check(security);
  if (identity.hook !== undefined) {
    throw new Error('identity.hook of a file is for npm start alone: give the construct a Lambda');
  }
  if (identity.tokens.some(({ secretVariable }) => secretVariable !== undefined)) {
    throw new Error(
      'identity.tokens: a secretVariable is for npm start alone: give the construct a secret, or sign with a key pair',
    );
  }
  return security as SecurityProps;
}

/** As the parser of both homes reads it. */
function check(json: unknown): IdentitySettings {
  const { identity } = parseSecurity(fieldsOf(json, 'security', SECURITY_KEYS));
  if (identity === undefined)
    throw new Error(
      'security needs identity: on AWS nothing else of it, limits included, is served without',
    );
  return identity;
}
