/**
 * Who has connected. At `$connect` a token may come with the handshake; what did not come then is
 * shown on CONNECT, and shown again there to go on with a fresh token. Words tell a client what to do
 * and nothing of why its token was no good.
 */
import { BrokerError } from './errors.ts';
import type { ConnectCommand, Connection, Principal } from './model.ts';
import type { Credentials, Identity, Ports, Revocations, Revoked } from './ports.ts';

/** What a CONNECT shows, in the first of these places: passcode, Authorization, token. */
export function shownBy(command: ConnectCommand): Credentials | undefined {
  const found = tokenOf(command);
  if (found === undefined) return undefined;
  const headers = Object.fromEntries([...command.headers].reverse());
  return { ...found, arrival: { event: 'connect', headers, query: {} } };
}

function tokenOf({ login, passcode, headers }: ConnectCommand): Credentials | undefined {
  if (passcode !== undefined) return { token: passcode, ...(login === undefined ? {} : { login }) };
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (lower === 'authorization') return authorization(value);
    if (lower === 'token' || lower === 'access_token') return { token: value };
  }
  return undefined;
}

/** `Bearer token`, `ApiKey key`, or `Basic` with login and passcode (RFC 7617). */
export function authorization(value: string): Credentials {
  const [, scheme = '', rest = ''] = /^\s*(\w+)\s+(\S+)\s*$/.exec(value) ?? [];
  if (scheme.toLowerCase() !== 'basic') return { token: scheme === '' ? value.trim() : rest };
  const text = Buffer.from(rest, 'base64').toString();
  const colon = text.indexOf(':');
  return { login: text.slice(0, Math.max(0, colon)), token: text.slice(colon + 1) };
}

/** What stands between a client and the broker. */
export interface Door {
  readonly identity: Identity;
  readonly revocations?: Revocations | undefined;
}

/** Whom these credentials are of. Throws `unauthenticated`. */
export async function recognised(
  credentials: Credentials,
  { identity, revocations }: Door,
): Promise<Principal> {
  const found = await identity.authenticate(credentials);
  if (found === 'expired') throw tokenExpired();
  if (found === 'refused') throw unaccepted();
  const revoked = await revocations?.current();
  if (revoked !== undefined && isRevoked(found, revoked)) throw shutOut();
  return found;
}

/** Whoever has shown nothing: allowed only where the operator says so. */
export function anonymous({ anonymous: principal }: Identity): Principal {
  if (principal !== undefined) return principal;
  throw new BrokerError(
    'unauthenticated',
    'Nobody is let in here without a token or a key',
    'Send passcode or Authorization on CONNECT, or token in the query of the URL.',
  );
}

/** A fresh token for a live connection. Throws unless it is of the same user. */
export async function refreshed(
  command: ConnectCommand,
  { principal: before }: Connection,
  door: Door,
): Promise<Principal | undefined> {
  const credentials = shownBy(command);
  if (credentials === undefined || before?.user === undefined) return undefined;
  const principal = await recognised(credentials, door);
  if (principal.user === before.user) return principal;
  throw new BrokerError(
    'unauthenticated',
    'The token is of another user',
    'A connection keeps its user; open another connection for this one.',
  );
}

/** Why a connection that was let in may not go on; undefined: it may. At once where bans are known. */
export function dismissal(
  { principal }: Pick<Connection, 'principal'>,
  ports: Pick<Ports, 'identity' | 'revocations' | 'clock'>,
): BrokerError | undefined | Promise<BrokerError | undefined> {
  if (ports.identity === undefined || principal === undefined) return undefined;
  if (principal.policy !== ports.identity.policy) return outdated();
  if (principal.expiresAt !== undefined && principal.expiresAt <= ports.clock.now()) {
    return tokenExpired();
  }
  const judged = (revoked: Revoked) => (isRevoked(principal, revoked) ? shutOut() : undefined);
  const revoked = ports.revocations?.current();
  if (revoked instanceof Promise) return revoked.then(judged);
  return revoked && judged(revoked);
}

export function isRevoked(
  { user, tokenId }: Pick<Principal, 'user' | 'tokenId'>,
  { users, tokenIds }: { users: ReadonlySet<string>; tokenIds: ReadonlySet<string> },
): boolean {
  return (
    (user !== undefined && users.has(user)) || (tokenId !== undefined && tokenIds.has(tokenId))
  );
}

export function unaccepted(): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'The token, key or passcode is not accepted',
    'Get a valid one for this server and connect again with it.',
  );
}

export function tokenExpired(): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'The token has expired',
    'Connect again with a fresh one; on a live connection a CONNECT with a fresh one in time goes on.',
  );
}

export function shutOut(): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'Access has been withdrawn',
    'The operator has ended it; a new token may be needed.',
  );
}

export function outdated(): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'The rules of this server have changed',
    'Connect again: what you may do is settled anew.',
  );
}

export function tooLate(seconds: number): BrokerError {
  return new BrokerError(
    'unauthenticated',
    'Nobody has connected in time',
    `Send CONNECT with a token or key within ${seconds} seconds.`,
  );
}
