/**
 * Entries and messages of logs as values of DynamoDB's own types, with the model's names, and the
 * strict way back. A large body is left out of its entry, which names it instead. No list or map is
 * stored empty: DynamoDB Local's stream tells those without their type.
 */
import type {
  AckMode,
  Acknowledgement,
  Audience,
  ConsumerOptions,
  Ended,
  Entry,
  Headers,
  LoggedMessage,
  Membership,
  Past,
} from '../../broker/model.ts';
import {
  type Known,
  list,
  map,
  number,
  octets,
  oneOf,
  onlyKnown,
  optionalText,
  present,
  text,
  texts,
  unknownShape,
} from './attributes.ts';
import type { Row } from './schema.ts';

type Said = Omit<LoggedMessage, 'seq'>;

/** Bodies kept beside their entries, by the name that stands in the entry. */
export type BodiesAside = ReadonlyMap<string, Uint8Array>;

/** `bodyAt`: the name under which the body of a message is kept elsewhere. */
export function entryRow(entry: Entry, bodyAt?: string): Row {
  if (entry.type === 'message') {
    return { type: 'message', message: messageRow(entry.message, bodyAt) };
  }
  return { ...withoutGaps({ ...entry }) };
}

export function messageRow(message: Said, bodyAt?: string): Row {
  const { id, destination, headers, body, at, audience } = message;
  return {
    id,
    destination,
    ...(headers.length > 0 && { headers: headers.map((pair) => [...pair]) }),
    ...(bodyAt === undefined ? { body } : { bodyAt }),
    at,
    ...(audience && { audience: JSON.stringify(audience) }),
  };
}

/** Absent is absent: an undefined attribute cannot be stored. */
function withoutGaps(values: Row): Row {
  const inner = Object.entries(present(values)).map(([name, value]) => {
    const nested = typeof value === 'object' && value !== null && !Array.isArray(value);
    return [name, nested ? withoutGaps({ ...value }) : value] as const;
  });
  return Object.fromEntries(inner);
}

/** Names of the bodies that these entries need besides. */
export function bodiesAside(rows: readonly Row[]): readonly string[] {
  return rows.flatMap((row) => {
    const at = row['type'] === 'message' ? optionalText(map(row, 'message'), 'bodyAt') : undefined;
    return at === undefined ? [] : [at];
  });
}

const ACKNOWLEDGEMENT: Known<Acknowledgement> = {
  type: true,
  connectionId: true,
  subscriptionId: true,
  id: true,
  requeue: true,
  stamp: true,
};

/** Names of what each type of entry holds. */
const ENTRY: { readonly [Each in Entry as Each['type']]: Known<Each> } = {
  message: { type: true, message: true },
  join: {
    type: true,
    membership: true,
    past: true,
    consumer: true,
    durable: true,
    receipt: true,
  },
  leave: { type: true, membership: true, how: true, gaveUp: true },
  gone: { type: true, membership: true, mark: true },
  watch: { type: true, membership: true, receipt: true },
  ack: ACKNOWLEDGEMENT,
  nack: ACKNOWLEDGEMENT,
  tick: { type: true },
};

const MESSAGE: Known<Said> = {
  id: true,
  destination: true,
  headers: true,
  body: true,
  at: true,
  audience: true,
};
const AUDIENCE: Known<Audience> = { to: true, except: true };
const MEMBERSHIP: Known<Membership> = {
  connectionId: true,
  subscriptionId: true,
  stamp: true,
  session: true,
  member: true,
};
const CONSUMER: Known<ConsumerOptions> = { ack: true, prefetch: true, selector: true };

const TYPES = Object.keys(ENTRY);
const HOW: readonly Ended[] = ['left', 'lost', 'refused'];

/** Throws on a shape it does not know, and on a body that is missing. */
export function readEntry(row: Row, bodies: BodiesAside): Entry {
  const type = entryType(text(row, 'type'));
  onlyKnown(row, ENTRY[type]);
  const receipt = optionalText(row, 'receipt');
  const asked = receipt === undefined ? {} : { receipt };
  switch (type) {
    case 'message':
      onlyKnown(map(row, 'message'), MESSAGE, { bodyAt: true });
      return { type, message: readMessage(map(row, 'message'), bodies) };
    case 'join':
      return { type, membership: readMembership(row), ...joinOptions(row), ...asked };
    case 'leave': {
      const how = oneOf(HOW, text(row, 'how'));
      const gaveUp = row['gaveUp'] === true ? { gaveUp: true } : {};
      return { type, membership: readMembership(row), how, ...gaveUp };
    }
    case 'gone':
      return { type, membership: readMembership(row), mark: text(row, 'mark') };
    case 'watch':
      return { type, membership: readMembership(row), ...asked };
    case 'ack':
    case 'nack':
      return readAcknowledgement(type, row);
    case 'tick':
      return { type };
    default:
      throw new Error(`No entry is read as ${type satisfies never}`);
  }
}

function entryType(name: string): Entry['type'] {
  const isType = (one: string): one is Entry['type'] => TYPES.includes(one);
  if (!isType(name)) throw new Error(`A log holds an entry of the unknown type ${name}`);
  return name;
}

/** `row` may hold more: a row of history is its message. */
export function readMessage(row: Row, bodies: BodiesAside): Said {
  const audience = optionalText(row, 'audience');
  return {
    id: text(row, 'id'),
    destination: text(row, 'destination'),
    headers: row['headers'] === undefined ? [] : readHeaders(row),
    body: readBody(row, bodies),
    at: number(row, 'at'),
    ...(audience !== undefined && { audience: readAudience(audience) }),
  };
}

function readBody(row: Row, bodies: BodiesAside): Uint8Array {
  const at = optionalText(row, 'bodyAt');
  if (at === undefined) return octets(row, 'body');
  const body = bodies.get(at);
  if (body === undefined) throw new Error(`The body ${at} of a message is not there any more`);
  return body;
}

function readHeaders(row: Row): Headers {
  return list(row, 'headers').map((pair) => {
    const [name, value] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
    if (typeof name !== 'string' || typeof value !== 'string') throw unknownShape('headers', row);
    return [name, value] as const;
  });
}

function readAudience(json: string): Audience {
  const value: unknown = JSON.parse(json);
  const row: Row = { ...Object(value) };
  onlyKnown(row, AUDIENCE);
  return {
    ...(row['to'] !== undefined && { to: texts(row, 'to') }),
    ...(row['except'] !== undefined && { except: texts(row, 'except') }),
  };
}

export function readMembership(row: Row): Membership {
  const membership = map(row, 'membership');
  onlyKnown(membership, MEMBERSHIP);
  return {
    connectionId: text(membership, 'connectionId'),
    subscriptionId: text(membership, 'subscriptionId'),
    stamp: text(membership, 'stamp'),
    session: text(membership, 'session'),
    member: text(membership, 'member'),
  };
}

type Join = Extract<Entry, { readonly type: 'join' }>;

function joinOptions(row: Row): Pick<Join, 'past' | 'consumer' | 'durable'> {
  const durable = optionalText(row, 'durable');
  return {
    ...(row['past'] !== undefined && { past: readPast(map(row, 'past')) }),
    ...(row['consumer'] !== undefined && { consumer: readConsumer(map(row, 'consumer')) }),
    ...(durable !== undefined && { durable: oneOf(ACK_MODES, durable) }),
  };
}

function readPast(row: Row): Past {
  const from = oneOf(['since', 'last', 'after'] as const, text(row, 'from'));
  if (from === 'last') return { from, count: number(row, 'count') };
  if (from === 'after') return { from, at: number(row, 'at') };
  const position = map(row, 'position');
  const whole = row['whole'] === true ? { whole: true } : {};
  return {
    from,
    position: { epoch: text(position, 'epoch'), seq: number(position, 'seq') },
    ...whole,
  };
}

const ACK_MODES: readonly AckMode[] = ['auto', 'client', 'client-individual'];

function readConsumer(row: Row): ConsumerOptions {
  onlyKnown(row, CONSUMER);
  const selector = optionalText(row, 'selector');
  return {
    ack: oneOf(ACK_MODES, text(row, 'ack')),
    prefetch: number(row, 'prefetch'),
    ...(selector !== undefined && { selector }),
  };
}

function readAcknowledgement(type: Acknowledgement['type'], row: Row): Acknowledgement {
  const subscriptionId = optionalText(row, 'subscriptionId');
  const stamp = optionalText(row, 'stamp');
  const { requeue } = row;
  if (typeof requeue !== 'boolean') throw unknownShape('requeue', row);
  return {
    type,
    connectionId: text(row, 'connectionId'),
    ...(subscriptionId !== undefined && { subscriptionId }),
    id: text(row, 'id'),
    requeue,
    ...(stamp !== undefined && { stamp }),
  };
}
