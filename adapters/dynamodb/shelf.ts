/** Shelves in the one table: a row a cell, ordered by DynamoDB as the port orders keys. */
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Clock, Shelf } from '../../broker/ports.ts';
import { octets, text } from './attributes.ts';
import { dynamoBatches, type Write } from './batches.ts';
import type { Patience } from './patience.ts';
import { expiry, isLive } from './rows.ts';
import { cellKey } from './schema.ts';
import { dynamoTable, type Page } from './table.ts';

export interface DynamoShelfOptions extends Patience {
  readonly client: DynamoDBDocumentClient;
  readonly tableName: string;
  readonly clock: Clock;
}

/** DynamoDB takes no empty text in a key's place; before every other stands this. */
const FIRST = '\0';

export function dynamoShelf(options: DynamoShelfOptions): Shelf {
  const { client, tableName, clock } = options;
  const table = dynamoTable(client, tableName);
  const batches = dynamoBatches(client, tableName, options);
  return {
    /** 1 WRU for each change, and for each further KB. Of two changes of a key the last counts. */
    async write(shelf, changes, expiresAt) {
      const writes = new Map<string, Write>();
      for (const [name, value] of changes) {
        const key = cellKey(shelf, name);
        writes.set(
          name,
          value === undefined ? { remove: key } : { put: { ...key, value, ...expiry(expiresAt) } },
        );
      }
      await batches.write([...writes.values()]);
    },

    /** 1 RRU for each 4 KB. */
    async read(shelf, { from, to, most }) {
      const found: (readonly [key: string, value: Uint8Array])[] = [];
      if (most <= 0 || Buffer.compare(Buffer.from(from), Buffer.from(to)) >= 0) return found;
      const { pk } = cellKey(shelf, '');
      const attributes = ['sk', 'value', 'expiresAt'];
      const now = clock.now();
      let page: Page | undefined;
      do {
        // BETWEEN takes in its end, which the port leaves out: one more may be read.
        page = await table.query({
          pk,
          range: [from === '' ? FIRST : from, to],
          attributes,
          rowsMax: most - found.length,
          ...(page?.next && { from: page.next }),
        });
        for (const row of page.rows) {
          const key = text(row, 'sk');
          if (key !== to && isLive(row, now)) found.push([key, octets(row, 'value')]);
        }
      } while (page.next !== undefined && found.length < most);
      return found;
    },
  };
}
