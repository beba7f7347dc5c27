/** An identity that knows whom the test says, for the broker without sockets. */

import { makeDirectory } from '../../broker/directory.ts';
import type { Grant, Principal } from '../../broker/model.ts';
import type { Identity, Ports } from '../../broker/ports.ts';
import { makeRevocations } from '../../broker/revocations.ts';

export const POLICY = 'p1';

/** The token is the user's name. */
export function identityOf(people: Readonly<Record<string, Omit<Principal, 'policy'>>>): Identity {
  return {
    policy: POLICY,
    cookie: 'c',
    anonymous: undefined,
    async authenticate({ token }) {
      const found = people[token];
      return found === undefined ? 'refused' : { ...found, policy: POLICY };
    },
  };
}

export function person(user: string, ...patterns: readonly string[]): Omit<Principal, 'policy'> {
  const grants: readonly Grant[] = patterns.map((pattern) => ({
    pattern,
    actions: ['subscribe', 'publish', 'history', 'presence', 'consume'],
  }));
  return { user, tokenId: `token-${user}`, grants };
}

/** With all that goes with it. */
export function guarded(people: Parameters<typeof identityOf>[0]) {
  return (ports: Ports): Ports => {
    if (ports.logs === undefined) throw new Error('shelves are needed: rooms');
    const { shelf } = ports.logs;
    return {
      ...ports,
      identity: identityOf(people),
      revocations: makeRevocations(shelf, ports.clock, ports.limits),
      directory: makeDirectory(shelf, ports.limits),
    };
  };
}
