/**
 * A JSON text → which command it is, its headers, its body. There are two spellings: either
 * `command` names it and every other key is a header, or a command's name is itself a key and holds
 * what the command is about (`HELD`).
 */
import { BrokerError } from '../../broker/errors.ts';
import type { Limits } from '../../broker/limits.ts';
import { type Fields, fieldsOf, malformed, quote } from './fields.ts';
import { nesting, valueText } from './outline.ts';

/** What the key of a command's name holds: `{"subscribe": destination}`. */
const HELD = {
  CONNECT: undefined,
  STOMP: undefined,
  SUBSCRIBE: 'destination',
  UNSUBSCRIBE: 'destination',
  SEND: 'destination',
  ACK: 'id',
  NACK: 'id',
  BEGIN: 'transaction',
  COMMIT: 'transaction',
  ABORT: 'transaction',
  DISCONNECT: undefined,
} as const;

export type Name = keyof typeof HELD;

const COMMANDS =
  'connect, subscribe, unsubscribe, send, ack, nack, begin, commit, abort, disconnect';
const REPLIES: ReadonlySet<string> = new Set(['CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR']);
const EXAMPLE = '{"subscribe":"/topic/greetings"}';

/** The keys and values of one object. `Object.entries` is safe with a key named `__proto__`. */
export type Entries = readonly (readonly [string, unknown])[];

export interface Request {
  readonly name: Name;
  readonly fields: Fields;
  readonly body?: Body;
}

/** A body that is a string is that text; any other value is kept as the JSON it was written in. */
export type Body = { readonly text: string } | { readonly json: string };

/** The keys of the one object that is `text`. Throws BrokerError. */
export function parseObject(text: string, limits: Limits): Entries {
  if (nesting(text) > limits.jsonDepthMax) {
    throw violation('The JSON nests too deeply', `Use at most ${limits.jsonDepthMax} levels.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw violation(
      'This is not JSON',
      'Send one JSON object a message, with double quotes around keys and texts.',
    );
  }
  if (Array.isArray(value)) throw violation('This is an array', 'Send one JSON object a message.');
  if (typeof value !== 'object' || value === null) {
    throw violation('This is no JSON object', 'Send one JSON object a message.');
  }
  return Object.entries(value);
}

/** Finds out which command it is. `text` is what `entries` were parsed from. Throws BrokerError. */
export function requestOf(entries: Entries, text: string, limits: Limits): Request {
  const named = entries.find(([key]) => key === 'command');
  const others = entries.filter(([key]) => key !== 'command' && key !== 'body');
  const { name, key } = named === undefined ? nameByKey(others) : { name: nameOf(named[1]) };
  const held = key === undefined ? [] : holding(name, key, others);
  const fields = fieldsOf([...others.filter(([other]) => other !== key), ...held], limits);
  const body = entries.find(([each]) => each === 'body')?.[1];
  if (body === undefined) return { name, fields };
  if (name !== 'SEND') throw violation(`${name} has no body`, 'Only SEND has one.');
  if (typeof body === 'string') return { name, fields, body: { text: body } };
  return { name, fields, body: { json: valueText(text, 'body') ?? 'null' } };
}

/** `{"command": name}`, in any case. */
function nameOf(value: unknown): Name {
  const name = typeof value === 'string' ? value.toUpperCase() : '';
  if (isName(name)) return name;
  if (REPLIES.has(name)) throw unknown(`${name} is what the broker sends`);
  throw unknown(
    typeof value === 'string' ? `There is no command ${quote(value)}` : 'The command is no text',
  );
}

/** `{"subscribe": destination}`: the one key that is a command's name, in any case. */
function nameByKey(entries: Entries): { readonly name: Name; readonly key: string } {
  const found = entries.flatMap(([key]) => {
    const name = key.toUpperCase();
    return isName(name) ? [{ key, name }] : [];
  });
  const subscribes = found.some(({ name }) => name === 'SUBSCRIBE');
  // Beside "subscribe", "ack" is its header.
  const [first, second] = subscribes ? found.filter(({ key }) => key !== 'ack') : found;
  if (first === undefined) {
    const [key] = entries.map(([each]) => each);
    throw unknown(
      key === undefined
        ? 'The object is empty'
        : `No key is a command's name; the first is ${quote(key)}`,
    );
  }
  if (second === undefined) return first;
  throw violation(
    `The object holds two commands, ${quote(first.key)} and ${quote(second.key)}`,
    'Send one command a message; with "command" all other keys are headers.',
  );
}

/** What the key of a command's name holds, as the header it stands for. */
function holding(name: Name, key: string, entries: Entries): Entries {
  const value = entries.find(([other]) => other === key)?.[1];
  const header = HELD[name];
  if (header === undefined) {
    if (value === true || value === null || value === '') return [];
    throw malformed(`${quote(key)} holds nothing`, `Write {"${key}":true}.`);
  }
  if (typeof value !== 'string') {
    throw malformed(`${quote(key)} holds no text`, `Its value is the ${header}, in quotes.`);
  }
  if (entries.some(([other]) => other === header)) {
    throw malformed(
      `${quote(key)} and "${header}" say the same thing`,
      `Leave "${header}" out: ${quote(key)} holds it.`,
    );
  }
  return [[header, value]];
}

function isName(text: string): text is Name {
  return Object.hasOwn(HELD, text);
}

function violation(message: string, mend: string): BrokerError {
  return new BrokerError('protocol-violation', message, `${mend} For example: ${EXAMPLE}`);
}

function unknown(message: string): BrokerError {
  return new BrokerError(
    'unknown-command',
    message,
    `Commands are ${COMMANDS}. For example: ${EXAMPLE}`,
  );
}
