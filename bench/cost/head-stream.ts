/** The table's stream as Lambda gets it, heads alone: reading it is free of charge. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Key, Row } from '../../adapters/dynamodb/schema.ts';
import { decodeStream, type StreamEvent } from '../../adapters/dynamodb/stream.ts';
import type { LogRecord } from '../../broker/model.ts';
import type { Ports } from '../../broker/ports.ts';
import { marshalled } from './metered-table.ts';

export interface HeadStream {
  readonly written: (key: Key, row: Row) => void;
  /** Records since the last call, as one batch. */
  take(): readonly unknown[];
  decoder(
    ports: Ports,
    client: DynamoDBDocumentClient,
  ): (event: StreamEvent) => Promise<readonly LogRecord[]>;
}

export function headStream(): HeadStream {
  let records: unknown[] = [];
  return {
    written: (key, row) => {
      if (!key.pk.startsWith('H#') || key.sk !== 'H') return;
      const dynamodb = { Keys: image(key), NewImage: image(row) };
      records.push({ eventName: 'MODIFY', dynamodb });
    },
    take() {
      const taken = records;
      records = [];
      return taken;
    },
    decoder: (ports, client) => (event) =>
      decodeStream(event, { ...ports, client, tableName: 'broker' }),
  };
}

/** DynamoDB's JSON with octets as base64, as an event holds them. */
function image(row: Row | Key): unknown {
  return withTexts(marshalled({ ...row }));
}

function withTexts(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(withTexts);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withTexts(one)]));
}
