/**
 * Namespaces: conversations of one client side by side. A connection's version names those that
 * stand, its subscriptions say in which they were asked for, and a room of a namespace is a room of
 * its own for every other protocol.
 */

const VERSION = '5';
export const ROOT = '/';

/** Subscription ids tell how it was asked for, and so in which words a message is told. */
export const JOINED = 'm';
export const SUBSCRIBED = 's';

/** `/` alone has the plain version, so that all usual clients share one. */
export function versionOf(namespaces: readonly string[]): string {
  const plain = namespaces.length === 1 && namespaces[0] === ROOT;
  return plain ? VERSION : `${VERSION} ${namespaces.join(',')}`;
}

/** Undefined: not even one has been connected to. */
export function namespacesOf(version: string | undefined): readonly string[] {
  if (version === undefined) return [];
  if (version === VERSION) return [ROOT];
  return version
    .slice(VERSION.length + 1)
    .split(',')
    .filter((one) => one !== '');
}

/** `mkitchen` in `/`, `M/admin,kitchen` elsewhere. */
export function subscriptionId(kind: string, namespace: string, name: string): string {
  return namespace === ROOT ? kind + name : `${kind.toUpperCase()}${namespace},${name}`;
}

export interface SubscriptionName {
  /** True: by `join`. */
  readonly joined: boolean;
  readonly namespace: string;
  readonly name: string;
}

export function readSubscriptionId(id: string): SubscriptionName {
  const kind = id.charAt(0).toLowerCase();
  const joined = kind === JOINED;
  if (id.startsWith(kind)) return { joined, namespace: ROOT, name: id.slice(1) };
  const comma = id.indexOf(',');
  return { joined, namespace: id.slice(1, comma), name: id.slice(comma + 1) };
}

/** What ids of a namespace's subscriptions begin with. */
export function prefixesOf(namespace: string): readonly string[] {
  return [subscriptionId(JOINED, namespace, ''), subscriptionId(SUBSCRIBED, namespace, '')];
}

export function roomOf(namespace: string, room: string): string {
  return namespace === ROOT ? `/room/${room}` : `/room/${namespace.slice(1)}~${room}`;
}
