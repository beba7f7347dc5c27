/**
 * Whether a connection may do what it asks, decided before anything is read or written: what is
 * forbidden looks the same whether or not there is such a room. Without identity all is allowed.
 */
import type { Destination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Action } from './model.ts';
import { allows } from './permission.ts';
import type { Session } from './session.ts';

/** Throws `forbidden`. */
export function authorize(action: Action, destination: Destination, session: Session): void {
  if (session.ports.identity === undefined) return;
  const grants = session.connection.principal?.grants ?? [];
  if (allows(grants, action, destination)) return;
  throw new BrokerError(
    'forbidden',
    `You may not ${VERBS[action]}`,
    'Ask the operator for the right. A pattern needs one right that covers all of it.',
  );
}

const VERBS: Readonly<Record<Action, string>> = {
  subscribe: 'subscribe to this destination',
  publish: 'send to this destination',
  history: 'hear what was published here before',
  presence: 'know who is here',
  consume: 'consume from this destination',
};

/**
 * Who this connection is to others: its user, else what it calls itself, else its session. Where
 * identity is configured nobody chooses a name: it would be another's.
 */
export function userOf({ connection, ports }: Session): string {
  const { principal, member, session = '' } = connection;
  return principal?.user ?? (ports.identity === undefined ? member : undefined) ?? session;
}
