/**
 * The broker alone in a stack of its own: `npx cdk deploy`, with `-c ingress=direct` without its
 * queue, with `-c rules=stompway.json` by the operator's rules.
 */
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { readRulesFile } from './rules.ts';
import { type Ingress, StompBroker, type StompBrokerProps } from './stomp-broker.ts';

const app = new App();
const stack = new Stack(app, 'Stompway', { description: 'stompway: a message broker, no server' });
const broker = new StompBroker(stack, 'Broker', {
  ingress: ingress(app.node.tryGetContext('ingress') ?? 'fifo'),
  ...rules(app.node.tryGetContext('rules')),
  // This stack is for trying the broker: `cdk destroy` leaves nothing behind.
  removalPolicy: RemovalPolicy.DESTROY,
});
const outputs: Readonly<Record<string, string | undefined>> = {
  WebSocketUrl: broker.url,
  TryIt: `npx wscat -c ${broker.url}`,
  Ingress: broker.ingress,
  TableName: broker.table.tableName,
  DeadLetterQueueUrl: broker.deadLetterQueue?.queueUrl,
  UndeliveredBucket: broker.undelivered.bucketName,
};
for (const [name, value] of Object.entries(outputs)) {
  if (value !== undefined) new CfnOutput(stack, name, { value });
}

function rules(file: unknown): Pick<StompBrokerProps, 'rules'> {
  return file === undefined ? {} : { rules: readRulesFile(String(file)) };
}

function ingress(asked: unknown): Ingress {
  if (asked === 'fifo' || asked === 'direct') return asked;
  throw new Error(`-c ingress=${asked}: there are "fifo" and "direct"`);
}
