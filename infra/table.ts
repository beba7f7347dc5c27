import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AttributeType,
  BillingMode,
  StreamViewType,
  Table,
  TableEncryption,
} from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';

export interface BrokerTableProps {
  readonly tableEncryption?: TableEncryption;
  readonly pointInTimeRecovery?: boolean;
  readonly removalPolicy?: RemovalPolicy;
}

/**
 * The one table: `pk` and `sk` strings, no index, paid per request, TTL on `expires`. Its stream
 * carries what every row became, for those of the logs' heads are the logs.
 */
export function brokerTable(scope: Construct, id: string, props: BrokerTableProps): Table {
  return new Table(scope, id, {
    partitionKey: { name: 'pk', type: AttributeType.STRING },
    sortKey: { name: 'sk', type: AttributeType.STRING },
    billingMode: BillingMode.PAY_PER_REQUEST,
    timeToLiveAttribute: 'expires',
    stream: StreamViewType.NEW_IMAGE,
    encryption: props.tableEncryption ?? TableEncryption.DEFAULT,
    pointInTimeRecoverySpecification: {
      pointInTimeRecoveryEnabled: props.pointInTimeRecovery ?? false,
    },
    removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN,
  });
}
