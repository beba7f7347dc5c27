/**
 * The table's stream as Lambda hands it over. A record that does not decode fails the batch, as one
 * that could not be kept does: the batch is halved and given again, and an alarm tells its age.
 */
import type { LogRecord } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { deliverHandler } from './deliver.ts';

export interface StreamEvent {
  readonly Records: readonly unknown[];
}

export function streamHandler(
  decode: (event: StreamEvent) => Promise<readonly LogRecord[]>,
  ports: Ports,
): (event: StreamEvent) => Promise<void> {
  const deliver = deliverHandler(ports);
  return async (event) => {
    let records: readonly LogRecord[];
    try {
      records = await decode(event);
    } catch (cause) {
      ports.log.error('stream-unreadable', cause, { records: event.Records.length });
      throw cause;
    }
    await deliver(records);
  };
}
