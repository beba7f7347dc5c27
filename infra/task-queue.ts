import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import {
  DeduplicationScope,
  FifoThroughputLimit,
  Queue,
  QueueEncryption,
} from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

/** Longer than a function may run: a task in hand is never handed out a second time. */
const VISIBILITY = Duration.seconds(60);
/** A task is one small write: what fails for ten minutes is not a passing fault. */
const RECEIVE_COUNT_MAX = 10;
/** Names of rooms and members, no messages: time for somebody to look, and to give them back. */
const DEAD_RETENTION = Duration.days(14);
const BATCH_SIZE = 10;
/** A hundred tasks under way at once; the rest of the account's concurrency is `$connect`'s. */
const CONCURRENCY = 10;
/** Shards under way at once: what broker/limits.ts divides the rate by (shardsAtOnceMax). */
const SHARDS_AT_ONCE = 20;
/** A job that fails goes on where it stopped; what fails so often is no passing fault. */
const JOB_RECEIVE_COUNT_MAX = 5;
/** Jobs hold messages: long enough for an alarm, as the ingress queue. */
const JOB_RETENTION = Duration.hours(1);

/**
 * What `work` does: tasks that were put off, by the delay of a standard queue, and every minute a
 * sweep of the connections that are to be asked whether they live. A task may run twice, which does
 * no harm; one that cannot be done waits among the dead letters, and may be given back.
 *
 * Jobs come through a FIFO queue beside it: parts of large audiences, each part a group, so that its
 * messages keep their order. One job an invocation: none waits for another, or is given again with it.
 */
export class TaskQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly jobs: Queue;
  readonly deadJobs: Queue;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const common = {
      visibilityTimeout: VISIBILITY,
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    };
    this.deadLetterQueue = new Queue(this, 'DeadLetters', {
      ...common,
      retentionPeriod: DEAD_RETENTION,
    });
    this.queue = new Queue(this, 'Tasks', {
      ...common,
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: RECEIVE_COUNT_MAX },
    });
    const fifo = {
      ...common,
      fifo: true,
      retentionPeriod: JOB_RETENTION,
      deduplicationScope: DeduplicationScope.MESSAGE_GROUP,
      fifoThroughputLimit: FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
    };
    this.deadJobs = new Queue(this, 'DeadJobs', fifo);
    this.jobs = new Queue(this, 'Jobs', {
      ...fifo,
      deadLetterQueue: { queue: this.deadJobs, maxReceiveCount: JOB_RECEIVE_COUNT_MAX },
    });
  }

  feed(work: Lambda): void {
    work.addEventSourceMapping('Tasks', {
      eventSourceArn: this.queue.queueArn,
      batchSize: BATCH_SIZE,
      reportBatchItemFailures: true,
      maxConcurrency: CONCURRENCY,
    });
    work.addEventSourceMapping('Jobs', {
      eventSourceArn: this.jobs.queueArn,
      batchSize: 1,
      reportBatchItemFailures: true,
      maxConcurrency: SHARDS_AT_ONCE,
    });
    // The next minute's sweep does what this one could not.
    const sweep = new LambdaFunction(work, { retryAttempts: 0, maxEventAge: Duration.minutes(1) });
    new Rule(this, 'EveryMinute', {
      description: 'Connections in watched rooms are asked whether they live',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [sweep],
    });
  }
}
