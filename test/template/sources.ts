/**
 * Event source mappings: Lambda's pollers, which read queues with the function's own role. A
 * message that failed comes back after `retryMilliseconds` instead of the visibility time-out, so
 * that a dead letter takes a second and not five minutes.
 */
import type { Answer } from './environment.ts';
import { type OnFault, TemplateFault } from './fault.ts';
import type { LambdaFunction } from './functions.ts';
import type { Authority } from './iam.ts';
import { asText, isObject } from './json.ts';
import type { Lambdas } from './lambdas.ts';
import { REGION } from './names.ts';
import type { Queue, Received } from './queue.ts';
import type { Resolved, Stack } from './stack.ts';
import { pumpStream, type StreamSource } from './streams.ts';

export interface SourceOptions {
  readonly authority: Authority;
  readonly lambdas: Lambdas;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly dynamoUrl: string;
  readonly retryMilliseconds: number;
  readonly onFault: OnFault;
}

export interface Sources {
  /** Waits until nothing is queued or running. */
  settle(): Promise<void>;
  /** Reads nothing any more, and waits until nothing is running. */
  close(): Promise<void>;
}

export function startSources(stack: Stack, options: SourceOptions): Sources {
  const streams: StreamSource[] = [];
  let open = true;
  for (const mapping of stack.of('AWS::Lambda::EventSourceMapping')) {
    const arn = mapping.properties.text('EventSourceArn');
    if (arn.includes(':dynamodb:')) streams.push(pumpStream(mapping, arn, stack, options));
    else pumpQueue(mapping, arn, options, () => open);
  }
  const read = stack
    .of('AWS::Lambda::EventSourceMapping')
    .map(({ properties }) => properties.text('EventSourceArn'));
  const all = [...options.queues.values()];
  // Dead letters may wait for a person.
  const dead = all.map((queue) => queue.options.redrive?.to);
  const unread = all.find((queue) => ![...read, ...dead].includes(queue.options.arn));
  if (unread !== undefined) {
    throw new TemplateFault('queue-unread', unread.options.name, 'no function reads it');
  }
  return {
    settle: () =>
      settled(
        all.filter((queue) => read.includes(queue.options.arn)),
        options,
      ),
    // What is put off for later never comes: only what has begun is waited for.
    close: async () => {
      await Promise.all(streams.map((stream) => stream.close()));
      open = false;
      await settled([], options);
    },
  };
}

/** Without any event begun or done: a machine that is slow gets on, and what is stuck does not. */
const STANDSTILL_MILLISECONDS_MAX = 20_000;
const SETTLE_MILLISECONDS_MAX = 60_000;

/** Until the queues are empty and no function has an event in hand. */
async function settled(
  queues: readonly Queue[],
  { lambdas, onFault }: SourceOptions,
): Promise<void> {
  const functions = [...lambdas.byName.values()];
  const waiting = (): readonly string[] => [
    ...queues.filter(({ due }) => due > 0).map(({ options }) => options.name),
    ...functions.filter(({ busy }) => busy > 0).map(({ spec }) => spec.name),
  ];
  const state = (): string =>
    functions.map(({ counts, busy }) => `${counts.invocations}-${busy}`).join();
  const began = Date.now();
  let [last, since] = [state(), began];
  for (let all = waiting(); all.length > 0; all = waiting()) {
    const now = Date.now();
    if (state() !== last) [last, since] = [state(), now];
    const standing = now - since > STANDSTILL_MILLISECONDS_MAX;
    if (standing || now - began > SETTLE_MILLISECONDS_MAX) {
      const seconds = Math.round((now - began) / 1000);
      onFault('handler-failed', `not settled after ${seconds} s: ${all.join(', ')}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What the poller does with the role (Lambda Developer Guide, "Using Lambda with Amazon SQS"). */
const QUEUE_ACTIONS = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'];

function pumpQueue(
  { properties }: Resolved,
  arn: string,
  options: SourceOptions,
  open: () => boolean,
): void {
  const { where } = properties;
  const target = options.lambdas.byArn(properties.text('FunctionName'), where);
  const queue = [...options.queues.values()].find((one) => one.options.arn === arn);
  if (queue === undefined) throw new TemplateFault('unknown-reference', where, arn);
  for (const action of QUEUE_ACTIONS) {
    if (options.authority.allows(target.spec.role, action, arn)) continue;
    throw new TemplateFault('source-unreadable', where, `${target.spec.role} lacks ${action}`);
  }
  const visible = queue.options.visibilitySeconds * 1000;
  if (visible < target.spec.timeoutMilliseconds) {
    const what = `${visible} ms, ${target.spec.name} may take ${target.spec.timeoutMilliseconds}`;
    throw new TemplateFault('visibility-below-timeout', queue.options.name, what);
  }
  const batchSize = properties.maybeNumber('BatchSize') ?? 10;
  const types = properties.list('FunctionResponseTypes').map((type) => asText(type, where));
  if (types.some((type) => type !== 'ReportBatchItemFailures')) {
    throw new TemplateFault('wrong-value', `${where}.FunctionResponseTypes`, types.join());
  }
  if (batchSize < 1 || batchSize > (queue.options.fifo ? 10 : 10_000)) {
    throw new TemplateFault('wrong-value', `${where}.BatchSize`, String(batchSize));
  }
  const concurrency = properties.object('ScalingConfig')?.maybeNumber('MaximumConcurrency') ?? 1000;
  if (concurrency < 2) {
    throw new TemplateFault('wrong-value', `${where}.MaximumConcurrency`, 'is at least 2');
  }
  const enabled = properties.maybeFlag('Enabled') ?? true;
  properties.done();
  if (!enabled) throw new TemplateFault('source-unreadable', where, 'Enabled is false');
  poll(queue, target, { batchSize, concurrency, reports: types.length > 0, open }, options);
}

interface Polling {
  readonly batchSize: number;
  readonly concurrency: number;
  readonly reports: boolean;
  readonly open: () => boolean;
}

function poll(
  queue: Queue,
  target: LambdaFunction,
  polling: Polling,
  options: SourceOptions,
): void {
  let running = 0;
  const pump = (): void => {
    while (polling.open() && running < polling.concurrency) {
      const batch = queue.receive(polling.batchSize);
      if (batch.length === 0) return;
      running += 1;
      void run(batch).finally(() => {
        running -= 1;
        pump();
      });
    }
  };
  const run = async (batch: readonly Received[]): Promise<void> => {
    const event = { Records: batch.map((message) => record(message, queue.options.arn)) };
    const failed = failures(await target.invoke(event), batch, polling.reports);
    if (typeof failed === 'string') {
      // What a function hands back is done for good, as far as the queue knows.
      const code = failed.startsWith(UNREAD) ? 'failures-unread' : 'handler-failed';
      options.onFault(code, `${target.spec.name}: ${failed}`);
    }
    for (const message of batch) {
      if (typeof failed === 'string' || failed.has(message.messageId)) {
        queue.release(message.receiptHandle, options.retryMilliseconds);
      } else queue.delete(message.receiptHandle);
    }
  };
  queue.onArrival(() => setImmediate(pump));
}

const UNREAD = 'its mapping does not read which messages failed:';

/** Ids that failed; a text if all did, because of an error or an answer that makes no sense. */
function failures(
  answer: Answer,
  batch: readonly Received[],
  reports: boolean,
): ReadonlySet<string> | string {
  if ('errorType' in answer) return `${answer.errorType}: ${answer.errorMessage}`;
  const value: unknown = JSON.parse(answer.value);
  const listed = isObject(value) ? (value['batchItemFailures'] ?? []) : undefined;
  if (!reports && Array.isArray(listed) && listed.length > 0) return `${UNREAD} ${answer.value}`;
  if (!reports || value === null) return new Set();
  if (!Array.isArray(listed)) return `an answer without batchItemFailures: ${answer.value}`;
  const ids = listed.map((one) => (isObject(one) ? one['itemIdentifier'] : undefined));
  const known = new Set<unknown>(batch.map(({ messageId }) => messageId));
  const strange = ids.find((id) => !known.has(id));
  if (strange !== undefined || ids.includes(undefined)) return `unknown item ${String(strange)}`;
  return new Set(ids.map(String));
}

function record(message: Received, arn: string): unknown {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.attributes,
    messageAttributes: Object.fromEntries(
      Object.entries(message.messageAttributes).map(([name, { dataType, stringValue }]) => [
        name,
        { dataType, stringValue, stringListValues: [], binaryListValues: [] },
      ]),
    ),
    eventSource: 'aws:sqs',
    eventSourceARN: arn,
    awsRegion: REGION,
  };
}
