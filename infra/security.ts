/** Who may come in, as the construct takes it: checked at synth, written for the handlers. */
import { Token } from 'aws-cdk-lib';
import { fieldsOf, parseSecurity, SECURITY_KEYS } from '../broker/identity-settings.ts';
import type { Permission } from '../broker/permission.ts';

/** Who may come in, and who may do what: the same as in `stompway.json`. */
export interface SecurityProps {
  /** Tokens that are believed (by key pairs, `jwksUrl` or `publicKey`), keys, whether anybody may. */
  readonly identity: {
    readonly tokens?: readonly {
      readonly algorithms: readonly ('RS256' | 'ES256')[];
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
   * How fast one may send, and how many connections a user may have.
   *
   * @default - no bound but the backlog of five seconds, and the stage's throttle
   */
  readonly limits?: {
    readonly messagesPerSecond?: number;
    readonly userMessagesPerSecond?: number;
    readonly connectionsPerUser?: number;
  };
}

/** `security.json`. Throws an Error that names the key, in words for the operator. */
export function securityJson(props: SecurityProps): string {
  const text = JSON.stringify(props, undefined, 1);
  if (Token.isUnresolved(text)) {
    throw new Error('security must be known at synth: it is shipped as a file beside the bundles');
  }
  const { identity } = parseSecurity(fieldsOf(JSON.parse(text), 'security', SECURITY_KEYS));
  if (identity?.hook !== undefined) throw new Error('identity.hook is for npm start alone');
  if (identity?.tokens.some(({ secretVariable }) => secretVariable !== undefined)) {
    throw new Error(
      'identity.tokens: on AWS sign with a key pair; a shared secret is for npm start',
    );
  }
  return `${text}\n`;
}
