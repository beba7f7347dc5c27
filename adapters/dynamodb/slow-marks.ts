/**
 * Marks of slow consumers, on the rows that a fan-out reads anyway. Where that row is, the
 * subscription knows; one that has gone meanwhile is not written again.
 */
import type { SlowMarks } from '../../broker/ports.ts';
import { text } from './attributes.ts';
import { isGone } from './rows.ts';
import { subscriberKey, subscriptionKey } from './schema.ts';
import type { Table } from './table.ts';

/** 1 RRU and 1 WRU. */
export function slowMarks(table: Table): SlowMarks {
  return {
    async mark(connectionId, subscriptionId, until) {
      const { pk, sk } = subscriptionKey(connectionId, subscriptionId);
      const attributes = ['audience', 'gone'];
      const [row] = (await table.query({ pk, range: [sk, sk], attributes })).rows;
      if (row === undefined || isGone(row)) return;
      await table.update(subscriberKey(text(row, 'audience'), connectionId, subscriptionId), {
        set: 'SET #slowUntil = :until',
        when: 'attribute_exists(#pk)',
        values: { until },
      });
    },
  };
}
