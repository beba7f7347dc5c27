/** Which messages a consumer wants, by their headers (JMS selectors, an SQL-92 subset). */
import { BrokerError } from './errors.ts';
import type { Headers } from './model.ts';

export type Selector = (headers: Headers) => boolean;

/** Without a text everything is wanted. Throws `not-supported`, as no selector is yet. */
export function makeSelector(text: string | undefined): Selector {
  if (text === undefined) return () => true;
  throw new BrokerError(
    'not-supported',
    'Selectors are not served yet',
    'Subscribe without a selector header, or to a destination of its own.',
  );
}
