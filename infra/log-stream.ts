import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import {
  type EventSourceMapping,
  FilterCriteria,
  FilterRule,
  type Function as Lambda,
  MetricType,
  StartingPosition,
} from 'aws-cdk-lib/aws-lambda';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { allow, STREAM_ACTIONS } from './grants.ts';

/**
 * Heads of logs, new or changed, and no other row of the table (adapters/dynamodb/schema.ts). A
 * filter is free; without it every connection and subscription would invoke `deliver`. Heads that
 * have expired are not told.
 */
const HEADS = FilterCriteria.filter({
  eventName: FilterRule.or('INSERT', 'MODIFY'),
  dynamodb: {
    Keys: { pk: { S: FilterRule.beginsWith('H#') }, sk: { S: FilterRule.isEqual('H') } },
  },
});

/** What a backlog is worked off in: messages of a batch for one connection share a post. */
const BATCH_SIZE = 1000;
/** The stream forgets after 24 h; before it does, the records are put aside. */
const RECORD_AGE_MAX = Duration.hours(23);
const UNDELIVERED_DAYS = 30;

export interface LogStreamProps {
  readonly table: Table;
  readonly parallelizationFactor: number;
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The stream of the logs, from the table to `deliver`. A batch that fails is halved and given again
 * until it can be handled, each log waiting for its own; what cannot be for 23 hours lands in a
 * bucket, the only destination that keeps the record itself.
 */
export class LogStream extends Construct {
  readonly undelivered: Bucket;
  private readonly props: LogStreamProps;

  constructor(scope: Construct, id: string, props: LogStreamProps) {
    super(scope, id);
    this.props = props;
    this.undelivered = new Bucket(this, 'Undelivered', {
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      lifecycleRules: [{ expiration: Duration.days(UNDELIVERED_DAYS) }],
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
    });
  }

  /** What Lambda's poller does with the role of `deliver`. */
  statements(): readonly PolicyStatement[] {
    const { table } = this.props;
    const { bucketArn } = this.undelivered;
    return [
      allow(STREAM_ACTIONS.read, streamArn(table)),
      allow(STREAM_ACTIONS.list, `${table.tableArn}/stream/*`),
      allow(['s3:ListBucket'], bucketArn),
      allow(['s3:PutObject'], this.undelivered.arnForObjects('*')),
    ];
  }

  feed(deliver: Lambda): EventSourceMapping {
    return deliver.addEventSourceMapping('Heads', {
      eventSourceArn: streamArn(this.props.table),
      startingPosition: StartingPosition.TRIM_HORIZON,
      filters: [HEADS],
      batchSize: BATCH_SIZE,
      parallelizationFactor: this.props.parallelizationFactor,
      bisectBatchOnError: true,
      maxRecordAge: RECORD_AGE_MAX,
      // S3OnFailureDestination would let `deliver` read and delete what is there.
      onFailure: { bind: () => ({ destination: this.undelivered.bucketArn }) },
      supportS3OnFailureDestination: true,
      metricsConfig: { metrics: [MetricType.EVENT_COUNT] },
    });
  }
}

function streamArn({ tableStreamArn }: Table): string {
  if (tableStreamArn === undefined) throw new Error('the table has no stream');
  return tableStreamArn;
}
