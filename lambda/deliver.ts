/**
 * The stream of the logs: on AWS an event of DynamoDB Streams, on one machine the store's own.
 * Throws when a record could not be kept: the stream gives the batch again, until it can.
 */
import { deliverLogs } from '../broker/deliver.ts';
import type { LogRecord } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';

export function deliverHandler(ports: Ports): (records: readonly LogRecord[]) => Promise<void> {
  return async (records) => {
    try {
      await deliverLogs(records, ports);
    } catch (cause) {
      ports.log.error('deliver-failed', cause, { records: records.length });
      throw cause;
    }
  };
}
