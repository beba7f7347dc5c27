/**
 * A queue on its shelf. Keys order what is read together:
 *
 * `a` the queue's own facts, `c…` consumers and `l…` leased items: read as one, by each run ·
 * `r…` ready items, highest priority first, then in the order of the log ·
 * `w…` items that wait, by time · `x…` bodies too large to be read with each lease, by place ·
 * `z…` ids of what was added lately.
 */
import {
  type Cell,
  decodeCell,
  encodeCell,
  number,
  optionalNumber,
  optionalText,
  pairs,
  text,
} from './cell.ts';
import type { AckMode, ConsumerOptions, Message, Subscriber } from './model.ts';

export interface Item {
  /** Orders items through all lives of the queue's log. */
  readonly place: string;
  readonly message: Message;
  /** The body is not in `message` but in a cell of its own. */
  readonly aside: boolean;
  readonly priority: number;
  /** Deliveries begun. */
  readonly deliveries: number;
  /** When it dies unconsumed, ms. */
  readonly expiresAt: number;
  /** Not before this, ms; 0 at once. */
  readonly availableAt: number;
  /** The frame that gave it back last, by its stamp. */
  readonly nackedBy?: string;
}

export interface Lease {
  readonly item: Item;
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly ackId: string;
  /** When it was handed out, ms; 0: not known. */
  readonly givenAt: number;
  /** When another consumer gets it, ms. */
  readonly until: number;
  /** The change of the log under which it was given. */
  readonly revision: number;
  /** Orders what was handed out: ack:client settles a message and all before it. */
  readonly order: number;
}

export interface Consumer extends ConsumerOptions {
  readonly connectionId: string;
  readonly subscriptionId: string;
  readonly stamp: string;
  /** It is gone, and the log will say so. */
  readonly leaving?: boolean;
  /** With a selector: the first ready key it has not looked at. */
  readonly from?: string;
}

/** The queue's own facts. */
export interface Meta {
  readonly epoch: string;
  /** Rises with each epoch, so that a new log's items follow the old one's. */
  readonly generation: number;
  /** The last message of the log that has become an item. */
  readonly added: number;
  /** When it is to look at its clock next, ms; 0: nothing waits. */
  readonly tickAt: number;
  /** Items on the shelf, ready, waiting or leased; kept where a rule bounds them, else 0. */
  readonly held: number;
  /** Ids of what was added last; those before stand in cells of their own. */
  readonly recent: readonly string[];
}

export const META_KEY = 'a';
/** Where each kind begins; all before `ready` are read together. */
export const PREFIX = { consumer: 'c', lease: 'l', ready: 'r', delayed: 'w', body: 'x' } as const;

export function placeIn(generation: number, seq: number): string {
  return `${String(generation).padStart(6, '0')}-${String(seq).padStart(15, '0')}`;
}

/** A run that died has written it, and the mark does not count it yet. */
export function isAhead({ place }: Pick<Item, 'place'>, { generation, added }: Meta): boolean {
  return place > placeIn(generation, added);
}

export function readyKey({ priority, place }: Item): string {
  return `${PREFIX.ready}${9 - priority}#${place}`;
}

export function delayedKey({ availableAt, place }: Item): string {
  return `${PREFIX.delayed}${String(availableAt).padStart(15, '0')}#${place}`;
}

export function bodyKey({ place }: Pick<Item, 'place'>): string {
  return `${PREFIX.body}${place}`;
}

export function leaseKey({ item }: Lease): string {
  return `${PREFIX.lease}${item.place}`;
}

export function consumerKey(one: Pick<Subscriber, 'connectionId' | 'subscriptionId'>): string {
  return `${PREFIX.consumer}${one.connectionId}#${one.subscriptionId}`;
}

export function encodeItem(item: Item): Uint8Array {
  return encodeCell(itemFacts(item), item.message.body);
}

export function decodeItem(bytes: Uint8Array): Item {
  return itemOf(decodeCell(bytes));
}

export function encodeLease(lease: Lease): Uint8Array {
  const { item, ...facts } = lease;
  return encodeCell(Object.assign({}, itemFacts(item), facts), item.message.body);
}

export function decodeLease(bytes: Uint8Array): Lease {
  const cell = decodeCell(bytes);
  return {
    item: itemOf(cell),
    connectionId: text(cell, 'connectionId'),
    subscriptionId: text(cell, 'subscriptionId'),
    ackId: text(cell, 'ackId'),
    givenAt: optionalNumber(cell, 'givenAt') ?? 0,
    until: number(cell, 'until'),
    revision: number(cell, 'revision'),
    order: number(cell, 'order'),
  };
}

export function encodeConsumer(consumer: Consumer): Uint8Array {
  return encodeCell(consumer);
}

export function decodeConsumer(bytes: Uint8Array): Consumer {
  const cell = decodeCell(bytes);
  const selector = optionalText(cell, 'selector');
  const from = optionalText(cell, 'from');
  return {
    connectionId: text(cell, 'connectionId'),
    subscriptionId: text(cell, 'subscriptionId'),
    stamp: text(cell, 'stamp'),
    ack: ackMode(text(cell, 'ack')),
    prefetch: number(cell, 'prefetch'),
    ...(selector === undefined ? {} : { selector }),
    ...(cell.facts['leaving'] === true ? { leaving: true } : {}),
    ...(from === undefined ? {} : { from }),
  };
}

export function encodeMeta(meta: Meta): Uint8Array {
  return encodeCell(meta);
}

export function decodeMeta(bytes: Uint8Array): Meta {
  const cell = decodeCell(bytes);
  return {
    epoch: text(cell, 'epoch'),
    generation: number(cell, 'generation'),
    added: number(cell, 'added'),
    tickAt: optionalNumber(cell, 'tickAt') ?? 0,
    held: optionalNumber(cell, 'held') ?? 0,
    recent: Array.isArray(cell.facts['recent']) ? cell.facts['recent'].map(String) : [],
  };
}

function itemFacts({ message, aside, ...item }: Item) {
  const { id, destination, headers } = message;
  return { id, destination, headers, ...item, ...(aside ? { aside: 1 } : {}) };
}

function itemOf(cell: Cell): Item {
  const nackedBy = optionalText(cell, 'nackedBy');
  return {
    place: text(cell, 'place'),
    message: {
      id: text(cell, 'id'),
      destination: text(cell, 'destination'),
      headers: pairs(cell, 'headers'),
      body: cell.body,
    },
    aside: optionalNumber(cell, 'aside') === 1,
    priority: number(cell, 'priority'),
    deliveries: number(cell, 'deliveries'),
    expiresAt: number(cell, 'expiresAt'),
    availableAt: number(cell, 'availableAt'),
    ...(nackedBy === undefined ? {} : { nackedBy }),
  };
}

function ackMode(name: string): AckMode {
  if (name === 'auto' || name === 'client' || name === 'client-individual') return name;
  throw new Error(`no ack mode is called ${name}`);
}
