/** The handlers of one environment, behind calls that speak of what happened instead of events. */
import { readTask } from '../../adapters/task-text.ts';
import type { LogRecord } from '../../broker/model.ts';
import type { Ingress, Ports, Task } from '../../broker/ports.ts';
import { workHandler } from '../../lambda/background.ts';
import { connectHandler } from '../../lambda/connect.ts';
import { deadHandler } from '../../lambda/dead.ts';
import { deliverHandler } from '../../lambda/deliver.ts';
import { disconnectHandler } from '../../lambda/disconnect.ts';
import type { QueueRecord, QueueResult, RequestContext, RouteResult } from '../../lambda/events.ts';
import { messageHandler } from '../../lambda/message.ts';
import { sweepHandler, taskHandler } from '../../lambda/work.ts';

export interface Handlers {
  connect(connectionId: string, at: number): Promise<RouteResult>;
  disconnect(connectionId: string, at: number): Promise<RouteResult>;
  straight(connectionId: string, at: number, messageId: string, payload: Uint8Array): Promise<void>;
  queued(records: readonly QueueRecord[]): Promise<QueueResult>;
  dead(records: readonly QueueRecord[]): Promise<QueueResult>;
  deliver(records: readonly LogRecord[]): Promise<void>;
  task(task: Task): Promise<void>;
  /** Jobs, as their queue gives them. */
  work(records: readonly QueueRecord[]): Promise<QueueResult>;
  sweep(): Promise<void>;
}

export function makeHandlers(ports: Ports, ingress: Ingress | undefined): Handlers {
  const connect = connectHandler(ports);
  const disconnect = disconnectHandler(ports, ingress);
  const message = messageHandler(ports);
  const dead = deadHandler(ports);
  const work = workHandler(readTask, ports);
  return {
    connect: (id, at) =>
      connect({
        headers: {},
        multiValueHeaders: {},
        requestContext: contextOf('CONNECT', id, at),
        isBase64Encoded: false,
      }),
    disconnect: (id, at) =>
      disconnect({ requestContext: contextOf('DISCONNECT', id, at), isBase64Encoded: false }),
    async straight(id, at, messageId, payload) {
      const requestContext = { ...contextOf('MESSAGE', id, at), messageId };
      const body = Buffer.from(payload).toString('base64');
      await message({ requestContext, body, isBase64Encoded: true });
    },
    async queued(records) {
      const result = await message({ Records: records });
      if (!('batchItemFailures' in result)) throw new Error('the queue got a route result');
      return result;
    },
    dead: (records) => dead({ Records: records }),
    deliver: deliverHandler(ports),
    task: taskHandler(ports),
    work: (records) => work({ Records: records }),
    sweep: sweepHandler(ports),
  };
}

function contextOf(
  eventType: RequestContext['eventType'],
  connectionId: string,
  at: number,
): RequestContext {
  return {
    routeKey: '$default',
    eventType,
    connectionId,
    connectedAt: at,
    requestTimeEpoch: at,
    requestId: `${eventType}-${connectionId}-${at}`,
    stage: 'ws',
    apiId: 'simulation',
    domainName: 'simulation.test',
    identity: { sourceIp: '127.0.0.1' },
  };
}
