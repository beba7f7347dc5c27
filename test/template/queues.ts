/** SQS queues out of the template, with their redrive. */
import { type OnFault, TemplateFault } from './fault.ts';
import type { Reader } from './json.ts';
import { queueArn } from './names.ts';
import { createQueue, type Queue, type QueueOptions } from './queue.ts';
import type { Resolved, Stack } from './stack.ts';

const WITHOUT_EFFECT = ['QueueName', 'SqsManagedSseEnabled', 'Tags', 'RedriveAllowPolicy'] as const;

/** Queues by name. `onFault` hears of every message that was received too often. */
export function queuesOf(stack: Stack, onFault: OnFault): ReadonlyMap<string, Queue> {
  const queues = new Map<string, Queue>();
  for (const resource of stack.of('AWS::SQS::Queue')) {
    const options = optionsOf(resource);
    const redrive = (to: string, request: Parameters<Queue['send']>[0]): void => {
      const sent = queues.get(to.split(':').at(-1) ?? '')?.send(request);
      onFault('handler-failed', `${options.name} gave up on a message: ${JSON.stringify(sent)}`);
    };
    queues.set(options.name, createQueue(options, redrive));
  }
  for (const { options } of queues.values()) checkRedrive(options, queues);
  return queues;
}

function optionsOf({ name, properties }: Resolved): QueueOptions {
  properties.ignore(...WITHOUT_EFFECT);
  const fifo = properties.maybeFlag('FifoQueue') ?? false;
  if (fifo !== name.endsWith('.fifo')) {
    throw new TemplateFault('wrong-value', properties.where, `the name ${name} and FifoQueue`);
  }
  const redrive = properties.object('RedrivePolicy');
  const options = {
    name,
    arn: queueArn(name),
    fifo,
    contentBasedDeduplication: properties.maybeFlag('ContentBasedDeduplication') ?? false,
    deduplicatesByGroup: properties.maybeText('DeduplicationScope') === 'messageGroup',
    visibilitySeconds: properties.maybeNumber('VisibilityTimeout') ?? 30,
    retentionSeconds: properties.maybeNumber('MessageRetentionPeriod') ?? 345_600,
    redrive: redrive && {
      to: redrive.text('deadLetterTargetArn'),
      receivesMax: redrive.maybeNumber('maxReceiveCount') ?? 10,
    },
  };
  checkThroughput(properties, fifo);
  properties.done();
  return options;
}

/** perMessageGroupId needs messageGroup (SQS Developer Guide, "High throughput for FIFO"). */
function checkThroughput(properties: Reader, fifo: boolean): void {
  const scope = properties.maybeText('DeduplicationScope');
  const limit = properties.maybeText('FifoThroughputLimit');
  const known =
    [undefined, 'queue', 'messageGroup'].includes(scope) &&
    [undefined, 'perQueue', 'perMessageGroupId'].includes(limit) &&
    (limit !== 'perMessageGroupId' || scope === 'messageGroup') &&
    (fifo || (scope === undefined && limit === undefined));
  if (known) return;
  throw new TemplateFault('wrong-value', properties.where, `${scope} with ${limit}`);
}

function checkRedrive(options: QueueOptions, queues: ReadonlyMap<string, Queue>): void {
  if (options.redrive === undefined) return;
  const target = [...queues.values()].find((queue) => queue.options.arn === options.redrive?.to);
  if (target !== undefined && target.options.fifo === options.fifo) return;
  throw new TemplateFault('wrong-value', options.name, `redrive to ${options.redrive.to}`);
}
