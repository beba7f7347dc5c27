/**
 * `/user/{name}/…`: every connection of one user. `/user/queue/…` and `/user/topic/…` are one's own,
 * and stand for `/user/{own name}/queue/…`; nobody hears another's.
 */
import { type Destination, parseDestination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';

const OWN: ReadonlySet<string> = new Set(['queue', 'topic']);

/** Whose it is, with the name written out. Throws `destination-invalid`. */
export function userDestination(
  { segments, canonical }: Destination,
  own: string,
  limits: Limits,
): Destination {
  const mine = OWN.has(segments[0] ?? '');
  const named = mine ? `/user/${own}/${segments.join('/')}` : canonical;
  const names = mine ? [own, ...segments] : segments;
  if (names.length >= (mine ? 3 : 2) && !names.some((name) => name === '*' || name === '**')) {
    return parseDestination(named, limits);
  }
  throw new BrokerError(
    'destination-invalid',
    'This names nobody’s destination',
    'SUBSCRIBE to /user/queue/answers, your own; SEND to /user/ann/queue/answers, another’s.',
  );
}

/** The same to hear. Throws `forbidden` for another's, whether or not there is such a user. */
export function ownUserDestination(spelt: Destination, own: string, limits: Limits): Destination {
  const destination = userDestination(spelt, own, limits);
  if (destination.segments[0] === own) return destination;
  throw new BrokerError(
    'forbidden',
    'You may hear only what is sent to yourself',
    'SUBSCRIBE to /user/queue/… or /user/topic/….',
  );
}
