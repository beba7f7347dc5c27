/**
 * Messages: a batch from the FIFO queue, or one straight from the gateway. Connections of a batch
 * are handled side by side, each in order and with a deadline of its own; a fault of ours is told to
 * its client and ends that connection, and only what cannot even be told is handed back to the queue.
 */
import { converse } from '../broker/conversation.ts';
import { internalError } from '../broker/errors.ts';
import type { Inbound, Ports } from '../broker/ports.ts';
import { makeTurn, type Turn } from '../broker/turn.ts';
import { condemn } from './condemn.ts';
import type { MessageEvent, QueueEvent, QueueRecord, QueueResult, RouteResult } from './events.ts';
import { read, straight, unreadable } from './records.ts';

/** The handler never throws to the gateway, which would speak to the client in its own words. */
export function messageHandler(
  ports: Ports,
): (event: MessageEvent | QueueEvent) => Promise<RouteResult | QueueResult> {
  const halves = new Set<string>();
  return async (event) => {
    const turn = makeTurn(ports);
    if (!('Records' in event)) {
      const inbound = straight(event);
      // Nobody gives it again: a client that cannot be told by ERROR is told by the close.
      if (!(await runGroup([inbound], turn, event.inOrder === true))) {
        await ports.outbox.close(inbound.connectionId);
      }
      return { statusCode: 200 };
    }
    const groups = await byConnection(event.Records, ports);
    const failed = await Promise.all(
      groups.map(async ({ inbound, records }) =>
        (await handled(inbound, records, turn)) ? [] : records,
      ),
    );
    return {
      batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })),
    };
  };

  /**
   * What has crashed its handler again and again is not tried once more: were it given up by the
   * queue, the next of its connection would be handled, with a hole before it.
   */
  function handled(
    inbound: readonly Inbound[],
    records: readonly QueueRecord[],
    turn: Turn,
  ): Promise<boolean> {
    const receipts = records.map(({ attributes }) => Number(attributes.ApproximateReceiveCount));
    if (Math.max(...receipts) <= ports.limits.receiptsTriedMax)
      return runGroup(inbound, turn, true);
    const connectionId = inbound[0]?.connectionId ?? '';
    ports.log.error('given-up', new Error('given up after repeated crashes'), { connectionId });
    return condemn(connectionId, internalError(), ports);
  }

  /** False: neither handled nor told; the queue shall give it again. */
  async function runGroup(
    inbound: readonly Inbound[],
    turn: Turn,
    splitFrames: boolean,
  ): Promise<boolean> {
    const connectionId = inbound[0]?.connectionId ?? '';
    const leave = turn.enter();
    let late = false;
    const work = converse(inbound, { ports, turn, splitFrames, halves, expired: () => late });
    try {
      await withDeadline(work, ports, () => {
        late = true;
      });
      return true;
    } catch (cause) {
      ports.log.error('message-failed', cause, { connectionId });
      return await condemn(connectionId, internalError(), ports);
    } finally {
      leave();
    }
  }
}

function withDeadline(work: Promise<void>, ports: Ports, passed: () => void): Promise<void> {
  const seconds = ports.limits.handlerSecondsMax;
  return new Promise((resolve, reject) => {
    const cancel = ports.timer.after(seconds * 1000, () => {
      passed();
      reject(new Error(`not handled within ${seconds} s`));
    });
    work.then(resolve, reject).finally(cancel);
  });
}

interface Group {
  readonly inbound: Inbound[];
  readonly records: QueueRecord[];
}

/** Groups in order of arrival; within one, by the gateway's time, else as the queue gave them. */
async function byConnection(records: readonly QueueRecord[], ports: Ports): Promise<Group[]> {
  const groups = new Map<string, Group>();
  for (const record of records) {
    const inbound = record.inbound ?? read(record);
    if (typeof inbound === 'string') {
      await refuseRecord(record, inbound, ports);
      continue;
    }
    const group = groups.get(inbound.connectionId) ?? { inbound: [], records: [] };
    groups.set(inbound.connectionId, group);
    group.inbound.push(inbound);
    group.records.push(record);
  }
  for (const { inbound } of groups.values()) inbound.sort((a, b) => a.epoch - b.epoch);
  return [...groups.values()];
}

/** Never mute: an alarm is raised by the log line, and the client is told how to go on. */
async function refuseRecord(record: QueueRecord, reason: string, ports: Ports): Promise<void> {
  ports.log.error('ingress-unreadable', new Error(reason), { record: record.messageId });
  const connectionId = record.attributes.MessageGroupId;
  if (connectionId !== undefined) await condemn(connectionId, unreadable(reason), ports);
}
