/**
 * Header names that people bring from other brokers, in one table: RabbitMQ's and ActiveMQ's
 * spellings beside ours, first of a row. docs/protocol.md shows the same table.
 */
import type { Headers } from './model.ts';

export const SYNONYMS = {
  /** Unacknowledged messages a consumer may hold. */
  prefetch: ['prefetch-count', 'activemq.prefetchSize'],
  /** `true`: the server keeps the subscription's position while the client is away. */
  durable: ['durable', 'activemq.subscriptionName'],
  /** Milliseconds a message lives. */
  timeToLive: ['expiration', 'x-expiration'],
  /** When a message dies, ms since 1970. */
  expires: ['expires', 'JMSExpiration'],
  /** Milliseconds before a message can be delivered. */
  delay: ['x-delay', 'AMQ_SCHEDULED_DELAY'],
  /** 0 to 9, 4 if not given. */
  priority: ['priority', 'JMSPriority'],
  /** On NACK, `false`: to the dead letters at once. */
  requeue: ['requeue'],
  selector: ['selector'],
  replyTo: ['reply-to'],
} as const satisfies Record<string, readonly string[]>;

export type Meaning = keyof typeof SYNONYMS;

/** The first header, in the client's order, that bears one of the names. */
export function meant(headers: Headers, meaning: Meaning): string | undefined {
  const names: readonly string[] = SYNONYMS[meaning];
  return headers.find(([name]) => names.includes(name))?.[1];
}
