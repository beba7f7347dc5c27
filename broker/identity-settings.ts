/**
 * The operator's word on who is who: `identity` and `permissions` of `stompway.json`, or of the
 * construct. One strict parser for both homes: an unknown key, a weak secret or an algorithm that is
 * not served fails the start, in words. Secrets stand in the file only as hashes, public keys, or the
 * names of environment variables.
 */

import type { Grant } from './model.ts';
import { type Permission, parseGrants, parsePermissions, parseTexts } from './permission.ts';
import { countsOf, parseTime } from './rules.ts';
import { fieldsOf } from './settings.ts';

export const ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** One kind of JSON Web Token that is believed. */
export interface TokenSettings {
  readonly algorithms: readonly Algorithm[];
  /** One of these four says what it is verified with. */
  readonly jwksUrl?: string;
  readonly jwks?: { readonly keys: readonly object[] };
  readonly publicKey?: string;
  /** Name of the environment variable that holds the shared secret (HS256); on AWS, its ARN. */
  readonly secretVariable?: string;
  readonly issuer?: string;
  readonly audience?: string;
  readonly leewaySeconds: number;
  /** The claim that is the user's name. */
  readonly userClaim: string;
}

/** A key for programs; the file holds its SHA-256, for a key is long and random, and no password. */
export interface KeySettings {
  readonly id: string;
  readonly sha256: string;
  readonly user: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface IdentitySettings {
  readonly tokens: readonly TokenSettings[];
  readonly keys: readonly KeySettings[];
  /** A module (one machine) or the name of the variable that names a Lambda (AWS), asked last. */
  readonly hook?: string;
  /** AWS alone: `$connect` takes signed handshakes only (Signature Version 4). */
  readonly iam: boolean;
  readonly anonymous: boolean;
  /** Cookie that may hold the token. */
  readonly cookie: string;
  /** Claim that holds grants besides. */
  readonly grantsClaim?: string;
  readonly permissions: readonly Permission[];
}

/** Throws an Error that names the key, in words for the operator. */
export function parseIdentity(json: unknown, permissions: unknown): IdentitySettings {
  const fields = fieldsOf(json, 'identity', [
    'tokens',
    'keys',
    'hook',
    'iam',
    'anonymous',
    'cookie',
    'grantsClaim',
  ]);
  const hook = optionalText(fields, 'hook', 'identity');
  const grantsClaim = optionalText(fields, 'grantsClaim', 'identity');
  const tokens = listOf(fields.get('tokens'), 'identity.tokens').map(parseToken);
  const keys = listOf(fields.get('keys'), 'identity.keys').map(parseKey);
  const [anonymous, iam] = [flagOf(fields, 'anonymous'), flagOf(fields, 'iam')];
  if (tokens.length === 0 && keys.length === 0 && hook === undefined && !iam) {
    throw new Error('identity needs tokens, keys, a hook or iam: else nobody could be recognised');
  }
  return {
    tokens,
    keys,
    ...(hook === undefined ? {} : { hook }),
    iam,
    anonymous,
    cookie: optionalText(fields, 'cookie', 'identity') ?? 'stompway-token',
    ...(grantsClaim === undefined ? {} : { grantsClaim }),
    permissions: parsePermissions(permissions ?? []),
  };
}

function flagOf(fields: ReadonlyMap<string, unknown>, key: 'anonymous' | 'iam'): boolean {
  const value = fields.get(key) ?? false;
  if (typeof value === 'boolean') return value;
  throw new Error(`identity.${key} must be true or false`);
}

const SOURCES = ['jwksUrl', 'jwks', 'publicKey', 'secretVariable'] as const;

function parseToken(json: unknown, index: number): TokenSettings {
  const name = `identity.tokens[${index}]`;
  const known = ['algorithms', ...SOURCES, 'issuer', 'audience', 'leeway', 'user'];
  const fields = fieldsOf(json, name, known);
  const given = SOURCES.filter((source) => fields.get(source) !== undefined);
  if (given.length !== 1) throw new Error(`${name} needs exactly one of ${SOURCES.join(', ')}`);
  const symmetric = given[0] === 'secretVariable';
  const algorithms = parseTexts(fields.get('algorithms'), ALGORITHMS, `${name}.algorithms`);
  if (algorithms.some((one) => (one === 'HS256') !== symmetric)) {
    throw new Error(`${name}.algorithms: HS256 goes with secretVariable, and nothing else does`);
  }
  const jwksUrl = optionalText(fields, 'jwksUrl', name);
  if (
    jwksUrl !== undefined &&
    !/^https:\/\/|^http:\/\/(127\.0\.0\.1|localhost)[:/]/.test(jwksUrl)
  ) {
    throw new Error(`${name}.jwksUrl must be an https URL`);
  }
  const leeway = optionalText(fields, 'leeway', name) ?? '30s';
  const milliseconds = parseTime(leeway);
  if (milliseconds === undefined || milliseconds > 300_000) {
    throw new Error(`${name}.leeway must be a time of at most 5m, "30s"`);
  }
  const jwks = fields.get('jwks');
  const rest = ['publicKey', 'secretVariable', 'issuer', 'audience'].flatMap((key) => {
    const text = optionalText(fields, key, name);
    return text === undefined ? [] : [[key, text] as const];
  });
  return {
    algorithms,
    ...(jwksUrl === undefined ? {} : { jwksUrl }),
    ...(jwks === undefined ? {} : { jwks: parseJwks(jwks, `${name}.jwks`) }),
    ...Object.fromEntries(rest),
    leewaySeconds: milliseconds / 1000,
    userClaim: optionalText(fields, 'user', name) ?? 'sub',
  };
}

function parseJwks(json: unknown, name: string): { readonly keys: readonly object[] } {
  const fields = fieldsOf(json, name, ['keys']);
  const keys = listOf(fields.get('keys'), `${name}.keys`).map((key: unknown, index) => {
    if (typeof key !== 'object' || key === null) {
      throw new Error(`${name}.keys[${index}] must be an object`);
    }
    if ('d' in key || 'k' in key) throw new Error(`${name}.keys[${index}] is a private key`);
    return key;
  });
  return { keys };
}

function parseKey(json: unknown, index: number): KeySettings {
  const name = `identity.keys[${index}]`;
  const fields = fieldsOf(json, name, ['id', 'sha256', 'user', 'claims']);
  const sha256 = optionalText(fields, 'sha256', name) ?? '';
  if (!/^[0-9a-f]{64}$/.test(sha256)) {
    throw new Error(`${name}.sha256 must be the SHA-256 of the key, 64 hexadecimal digits`);
  }
  const user = optionalText(fields, 'user', name);
  if (user === undefined) throw new Error(`${name}.user must name whom the key stands for`);
  const claims = fields.get('claims') ?? {};
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) {
    throw new Error(`${name}.claims must be an object`);
  }
  return {
    id: optionalText(fields, 'id', name) ?? `key-${index}`,
    sha256,
    user,
    claims: Object.fromEntries(Object.entries(claims)),
  };
}

export function optionalText(
  fields: ReadonlyMap<string, unknown>,
  key: string,
  name: string,
): string | undefined {
  const value = fields.get(key);
  if (value === undefined || (typeof value === 'string' && value !== '')) return value;
  throw new Error(`${name}.${key} must be a text`);
}

export function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value;
  throw new Error(`${name} must be a list`);
}

/** Grants that a token or a hook brings. Throws an Error in words. */
export function grantsOf(value: unknown): readonly Grant[] {
  return parseGrants(value, 'grants');
}

/** Who may come in, of `stompway.json` or of `security.json` beside a bundle. */
export interface DoorSettings {
  readonly identity?: IdentitySettings;
  /** Pages that may connect; absent: all. */
  readonly origins?: readonly string[];
  /** SHA-256 of administrators' keys. */
  readonly administration?: readonly string[];
  readonly limits?: RateSettings;
}

/** The operator's bounds on each connection and user; absent: those of the home. */
export interface RateSettings {
  readonly messagesPerSecond?: number;
  /** Octets of bodies. */
  readonly bytesPerSecond?: number;
  readonly userMessagesPerSecond?: number;
  readonly userBytesPerSecond?: number;
  readonly connectionsPerUser?: number;
  /** At most `subscriptionsPerConnectionMax` of broker/limits.ts. */
  readonly subscriptionsPerConnection?: number;
  readonly roomsPerConnection?: number;
}

/** `subscriptionsPerConnectionMax`: all the limits would be a tenth of what is shipped with this. */
export const SUBSCRIPTIONS_MAX = 100;

const RATE_KEYS: readonly (keyof RateSettings)[] = [
  'messagesPerSecond',
  'bytesPerSecond',
  'userMessagesPerSecond',
  'userBytesPerSecond',
  'connectionsPerUser',
  'subscriptionsPerConnection',
  'roomsPerConnection',
];

export const SECURITY_KEYS = [
  'identity',
  'permissions',
  'origins',
  'administration',
  'limits',
] as const;

/** Throws in words for the operator. */
export function parseSecurity(fields: ReadonlyMap<string, unknown>): DoorSettings {
  const [identity, permissions] = [fields.get('identity'), fields.get('permissions')];
  if (identity === undefined && permissions !== undefined) {
    throw new Error('permissions need identity: else nobody is known by name');
  }
  const [origins, administration] = [fields.get('origins'), fields.get('administration')];
  const limits = fields.get('limits');
  return {
    ...(identity === undefined ? {} : { identity: parseIdentity(identity, permissions) }),
    ...(origins === undefined ? {} : { origins: listOf(origins, 'origins').map(originOf) }),
    ...(administration === undefined ? {} : { administration: keysOf(administration) }),
    ...(limits === undefined ? {} : { limits: limitsOf(limits) }),
  };
}

function limitsOf(json: unknown): RateSettings {
  const fields = countsOf(json, 'limits', RATE_KEYS);
  if ((fields['subscriptionsPerConnection'] ?? 0) > SUBSCRIPTIONS_MAX) {
    throw new Error(`limits.subscriptionsPerConnection may be ${SUBSCRIPTIONS_MAX} at most`);
  }
  return fields;
}

function keysOf(json: unknown): readonly string[] {
  const keys = fieldsOf(json, 'administration', ['keys']).get('keys');
  return listOf(keys, 'administration.keys').map((key, index) => {
    if (typeof key === 'string' && /^[0-9a-f]{64}$/.test(key)) return key;
    throw new Error(
      `administration.keys[${index}] must be the SHA-256 of a key, 64 hexadecimal digits`,
    );
  });
}

/** As browsers write it: scheme, host, port if it is not the scheme's own. */
function originOf(value: unknown, index: number): string {
  const text = typeof value === 'string' ? value : '';
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new Error(`origins[${index}] must be an origin, "https://app.example"`);
}
