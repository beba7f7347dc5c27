/**
 * What a client's events mean, in a broker with no server code behind them: one table of names, each
 * with its arguments. docs/protocol.md, "Socket.IO", is its specification.
 */
import { BrokerError } from '../../broker/errors.ts';
import type { AckMode, Command, Headers } from '../../broker/model.ts';
import type { EventNames } from '../../broker/socketio-settings.ts';
import { bodyOf } from './body.ts';
import { JOINED, roomOf, SUBSCRIBED, subscriptionId } from './namespace.ts';
import { isRecord } from './packet.ts';

/** Headers that the arguments themselves say, or the broker. */
const NOT_FORWARDED: readonly string[] = ['destination', 'receipt', 'content-length', 'message-id'];

interface Asked {
  readonly names: EventNames;
  readonly namespace: string;
  readonly receipt: string | undefined;
}

/** The command an event stands for. Throws BrokerError in words. */
export function commandOf(
  [name, ...values]: readonly unknown[],
  { names, namespace, receipt }: Asked,
): Command {
  const joinedAs = (room: string) => subscriptionId(JOINED, namespace, room);
  const subscribedAs = (name: string) => subscriptionId(SUBSCRIBED, namespace, name);
  const asked = receipt === undefined ? {} : { receipt };
  switch (name) {
    case names.join: {
      const room = textOf(values[0], names.join, 'a room', '"kitchen"');
      return {
        again: true,
        ...asked,
        ...subscription(joinedAs(room), roomOf(namespace, room), headersOf(values[1])),
      };
    }
    case names.leave: {
      const room = textOf(values[0], names.leave, 'a room', '"kitchen"');
      return { type: 'unsubscribe', id: joinedAs(room), headers: [], ...asked };
    }
    case names.message: {
      const room = textOf(values[0], names.message, 'a room', '"kitchen", "hello"');
      const headers: Headers = [['except', 'self']];
      return Object.assign(sending(roomOf(namespace, room), values.slice(1), headers), asked);
    }
    case names.subscribe: {
      const destination = textOf(values[0], names.subscribe, 'a destination', '"/topic/a"');
      const headers = headersOf(values[1]);
      return Object.assign(subscription(subscribedAs(destination), destination, headers), asked);
    }
    case names.unsubscribe: {
      const destination = textOf(values[0], names.unsubscribe, 'a destination', '"/topic/a"');
      return { type: 'unsubscribe', id: subscribedAs(destination), headers: [], ...asked };
    }
    case names.send: {
      const destination = textOf(values[0], names.send, 'a destination', '"/topic/a", "hello"');
      return {
        ...sending(destination, values.slice(1, 2), headersOf(values[2])),
        ...asked,
      };
    }
    case names.ack:
    case names.nack: {
      const id = textOf(values[0], String(name), 'the ack of a message', '"…"');
      const type = name === names.ack ? 'ack' : 'nack';
      return { type, id, headers: headersOf(values[1]), ...asked };
    }
    default:
      throw new BrokerError(
        'unknown-command',
        `Nothing answers to the event ${quoted(name)}`,
        `Emit ${names.join}, ${names.leave}, ${names.message}, ${names.subscribe}, ${names.unsubscribe}, ${names.send}, ${names.ack} or ${names.nack}.`,
      );
  }
}

function subscription(id: string, destination: string, headers: Headers) {
  const mode = headers.find(([name]) => name === 'ack')?.[1] ?? 'auto';
  if (!isAckMode(mode)) {
    throw new BrokerError(
      'header-malformed',
      `There is no ack mode ${quoted(mode)}`,
      'Use auto, client or client-individual.',
    );
  }
  const rest = headers.filter(([name]) => name !== 'ack' && name !== 'id');
  return { type: 'subscribe', id, destination, ack: mode, headers: rest } as const;
}

function isAckMode(mode: string): mode is AckMode {
  return mode === 'auto' || mode === 'client' || mode === 'client-individual';
}

function sending(destination: string, payloads: readonly unknown[], headers: Headers) {
  if (payloads.length > 1) {
    throw new BrokerError(
      'protocol-violation',
      'A message has one payload',
      'Put several values into one array or object.',
    );
  }
  const { type, body } = bodyOf(payloads[0]);
  const typed = headers.some(([name]) => name === 'content-type');
  const all: Headers = typed ? headers : [...headers, ['content-type', type]];
  return { type: 'send', destination, headers: all, body } as const;
}

/** Flat values of an object; anything else in its place is no headers. */
export function headersOf(value: unknown): Headers {
  if (value === undefined || value === null) return [];
  if (!isRecord(value)) {
    throw new BrokerError('header-malformed', 'Headers are an object', 'For example {last: 10}.');
  }
  return Object.entries(value).flatMap(([name, one]): Headers => {
    if (NOT_FORWARDED.includes(name) || one === null || one === undefined) return [];
    if (typeof one !== 'object') return [[name, String(one)]];
    throw new BrokerError(
      'header-malformed',
      `The header ${quoted(name)} is no text`,
      'Headers are texts, numbers and booleans; put the rest into the payload.',
    );
  });
}

function textOf(value: unknown, event: string, what: string, example: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new BrokerError(
    'header-missing',
    `${event} needs ${what}`,
    `For example: socket.emit("${event}", ${example})`,
  );
}

function quoted(value: unknown): string {
  const clean = String(value).replace(/\p{Cc}|\p{Cs}/gu, '?');
  return `"${clean.length > 40 ? `${clean.slice(0, 39)}…` : clean}"`;
}
