/** Who may come in, as the construct takes it: checked at synth, written for the handlers. */
import { readFileSync } from 'node:fs';
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
  check(JSON.parse(text));
  return `${text}\n`;
}

/** What `stompway.json` says of who may come in; undefined: nothing. */
export function readSecurityFile(file: string): SecurityProps | undefined {
  const json: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const fields = Object.entries(json);
  // Left out in silence, a hook would be a refusal that is missed by nobody.
  if ('applications' in json) throw new Error(`${file}: applications are for npm start alone`);
  const security: unknown = Object.fromEntries(
    fields.filter(([key]) => SECURITY_KEYS.some((one) => one === key)),
  );
  if (Object.keys(Object(security)).length === 0) return undefined;
  return check(security);
}

/** The same, believed after the parser of both homes has read it. */
function check(json: unknown): SecurityProps {
  const { identity } = parseSecurity(fieldsOf(json, 'security', SECURITY_KEYS));
  if (identity === undefined) throw new Error('security needs identity');
  if (identity.hook !== undefined) throw new Error('identity.hook is for npm start alone');
  if (identity.tokens.some(({ secretVariable }) => secretVariable !== undefined)) {
    throw new Error(
      'identity.tokens: on AWS sign with a key pair; a shared secret is for npm start',
    );
  }
  return json as SecurityProps;
}
