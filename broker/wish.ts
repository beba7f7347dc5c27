/** What a SUBSCRIBE asks of a log besides its beginning, read off its headers. */
import type { Destination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { AckMode, ConsumerOptions, Headers, Past, SubscribeCommand } from './model.ts';
import { assertNoPast, parsePast } from './past.ts';
import { makeSelector } from './selector.ts';
import type { Session } from './session.ts';
import { meant } from './synonyms.ts';

export interface Wish {
  readonly past?: Past;
  readonly consumer?: ConsumerOptions;
  readonly durable?: AckMode;
  readonly receipt?: string;
}

/** Throws `header-malformed` in words. */
export function wishOf(
  { headers, ack }: SubscribeCommand,
  { kind }: Destination,
  session: Session,
): Wish {
  const { limits } = session.ports;
  if (kind === 'queue' || kind === 'presence') assertNoPast(headers);
  if (kind === 'queue') {
    const selector = selectorOf(headers);
    const prefetch = prefetchOf(meant(headers, 'prefetch'), limits);
    return { consumer: { ack, prefetch, ...(selector === undefined ? {} : { selector }) } };
  }
  const past = parsePast(headers, limits);
  const durable = isDurable(headers) && kind !== 'presence';
  if (durable) assertNamed(session);
  return { ...(past === undefined ? {} : { past }), ...(durable ? { durable: ack } : {}) };
}

/** Throws `header-malformed` where it makes no sense: it is read again for each run of deliveries. */
export function selectorOf(headers: Headers): string | undefined {
  const text = meant(headers, 'selector');
  makeSelector(text);
  return text;
}

/** `durable:true`, or ActiveMQ's name for it, whose value is the subscription's own. */
export function isDurable(headers: Headers): boolean {
  const text = meant(headers, 'durable');
  return text !== undefined && text !== 'false';
}

export function notDurable(): BrokerError {
  return new BrokerError(
    'not-supported',
    'Only a logged destination can be durable',
    'Subscribe to a room, or let the operator put this destination on the logged lane by a rule.',
  );
}

function assertNamed({ connection }: Session): void {
  if (connection.member !== undefined && connection.member !== connection.session) return;
  throw new BrokerError(
    'header-missing',
    'A durable subscription needs a client-id',
    'Send client-id on CONNECT, the same each time: the position is kept under it.',
  );
}

function prefetchOf(text: string | undefined, limits: Limits): number {
  if (text === undefined) return limits.prefetchDefault;
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return Math.min(count, limits.prefetchMax);
  throw new BrokerError(
    'header-malformed',
    `prefetch-count:${text.slice(0, 40)} is no count`,
    `Ask for 1 to ${limits.prefetchMax} unacknowledged messages: prefetch-count:10.`,
  );
}
