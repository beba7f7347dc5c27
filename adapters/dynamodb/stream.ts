/**
 * The table's stream as an event of DynamoDB Streams: images of heads become records of logs, whose
 * order is kept. Strict: a shape that is not known throws, so that the stream holds the batch
 * rather than lose a message of it.
 */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { LogRecord } from '../../broker/model.ts';
import { text } from './attributes.ts';
import { dynamoBatches } from './batches.ts';
import { fetchAside } from './bodies.ts';
import { lastEntries, readRecord } from './head.ts';
import type { Patience } from './patience.ts';
import { readKey } from './rows.ts';
import { logOf, type Row } from './schema.ts';

export interface DynamoStreamOptions extends Patience {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
}

/** A Lambda event, as far as nothing of it is believed. */
export interface StreamEvent {
  readonly Records: readonly unknown[];
}

/**
 * Reads nothing if no body is large; else 1 RRU for each 4 KB of those. Other rows than heads are
 * passed over, and so is what is deleted: a log's end is told to nobody.
 */
export async function decodeStream(
  { Records }: StreamEvent,
  options: DynamoStreamOptions,
): Promise<readonly LogRecord[]> {
  const images = Records.flatMap(headImage);
  const batches = dynamoBatches(options.client, options.tableName, options);
  const entries = images.flatMap(({ row }) => lastEntries(row));
  const bodies = await fetchAside(entries, batches);
  const records = images.map(({ log, row }) => readRecord(log, row, bodies));
  return records.filter(changed());
}

/** False for a change of a head that is none of its log: the revision stands. */
function changed(): (record: LogRecord) => boolean {
  const last = new Map<string, number>();
  return ({ destination, epoch, revision }) => {
    const log = `${destination}\n${epoch}`;
    const before = last.get(log) ?? 0;
    last.set(log, revision);
    return revision !== before;
  };
}

interface HeadImage {
  readonly log: string;
  readonly row: Row;
}

function headImage(record: unknown): readonly HeadImage[] {
  const { eventName, dynamodb } = object(record, 'a record');
  if (eventName === 'REMOVE') return [];
  if (eventName !== 'INSERT' && eventName !== 'MODIFY') throw unknownShape('eventName');
  const { Keys, NewImage } = object(dynamodb, 'dynamodb');
  const log = logOf(readKey(attributes(Keys, 'Keys')));
  return log === undefined ? [] : [{ log, row: attributes(NewImage, 'NewImage') }];
}

function attributes(value: unknown, name: string): Row {
  const pairs = Object.entries(object(value, name));
  return Object.fromEntries(pairs.map(([key, inner]) => [key, attribute(inner, key)]));
}

/** DynamoDB's JSON, which an event holds: numbers are text, octets are base64. */
function attribute(value: unknown, name: string): unknown {
  const [pair, ...others] = Object.entries(object(value, name));
  if (pair === undefined || others.length > 0) throw unknownShape(name);
  const [type, inner] = pair;
  switch (type) {
    case 'S':
      return text({ [name]: inner }, name);
    case 'N':
      return finite(inner, name);
    case 'B':
      return Buffer.from(text({ [name]: inner }, name), 'base64');
    case 'BOOL':
      return inner === true;
    case 'L':
      if (!Array.isArray(inner)) throw unknownShape(name);
      return inner.map((each: unknown) => attribute(each, name));
    case 'M':
      return attributes(inner, name);
    default:
      throw unknownShape(`${name} of type ${type}`);
  }
}

function finite(value: unknown, name: string): number {
  const number = typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
  if (!Number.isFinite(number)) throw unknownShape(name);
  return number;
}

function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unknownShape(name);
  return { ...value };
}

function unknownShape(name: string): Error {
  return new Error(`An event of the table's stream has no readable ${name}`);
}
