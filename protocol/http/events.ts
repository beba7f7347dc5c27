/**
 * The dialect of an EventSource (WHATWG HTML §9.2 "Server-sent events"): it only listens. A message
 * is its body; on a logged destination its `id` is its position, so that the browser itself says
 * where to go on (`Last-Event-ID`). The broker's own words are events of other names, which a page
 * hears only if it asks for them.
 */
import { isUtf8 } from 'node:buffer';
import { BrokerError } from '../../broker/errors.ts';
import type { Dialect, Headers, Message, Reply } from '../../broker/model.ts';

export const eventsDialect: Dialect = {
  name: 'events',
  endsOnError: true,
  joins: true,
  versions: ['1'],
  impliedVersion: '1',
  decode: () => ({ commands: [{ type: 'refused', error: deaf() }] }),
  encode: (reply) => Buffer.from(replyText(reply)),
  message: (message) => {
    const text = Buffer.from(messageText(message));
    return () => text;
  },
};

/** A comment: keeps proxies awake, and is heard by nobody. */
export const EVENT_BEAT = ':\n\n';

/** One event. Data may have many lines; a name or id may have none. */
export function eventText(event: {
  readonly name?: string;
  readonly id?: string | undefined;
  readonly data: string;
}): string {
  const name = event.name === undefined ? '' : `event: ${event.name}\n`;
  const id = event.id === undefined ? '' : `id: ${event.id}\n`;
  const data = event.data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `${name}${id}${data.join('')}\n`;
}

function messageText({ headers, body }: Message): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const id = positionOf(headers);
  return isUtf8(bytes)
    ? eventText({ id, data: bytes.toString() })
    : eventText({ name: 'binary', id, data: bytes.toString('base64') });
}

function replyText(reply: Reply): string {
  switch (reply.type) {
    case 'connected':
      return '';
    case 'receipt': {
      const told = Object.fromEntries(reply.headers ?? []);
      // A position goes on for ever, the session that the receipt names for seconds.
      const id = first(reply.headers ?? [], 'position') ?? reply.receipt;
      return eventText({ name: 'subscribed', id, data: JSON.stringify(told) });
    }
    case 'error': {
      const { code, message, mend } = reply.error;
      return eventText({ name: 'error', data: JSON.stringify({ code, message, body: mend }) });
    }
    default:
      return reply satisfies never;
  }
}

/** `epoch:seq`, which a log puts first among the headers; nothing else may become an id. */
function positionOf(headers: Headers): string | undefined {
  const position = `${first(headers, 'epoch') ?? ''}:${first(headers, 'seq') ?? ''}`;
  return /^[0-9a-z]{1,32}:\d{1,15}$/.test(position) ? position : undefined;
}

function first(headers: Headers, wanted: string): string | undefined {
  return headers.find(([name]) => name === wanted)?.[1];
}

function deaf(): BrokerError {
  return new BrokerError(
    'not-supported',
    'An EventSource only listens',
    'Publish with POST to the destination’s own URL.',
  );
}
