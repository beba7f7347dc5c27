/**
 * The broker alone in a stack of its own: `npx cdk deploy`, with `-c ingress=direct` without its
 * queue, with `-c rules=stompway.json` by all that the
 * operator's file says, with `-c http=true` with HTTP beside
 * the WebSockets, with `-c cloudFront=true` with both behind one domain, with `-c posting=sdk` with
 * posts through the SDK, with `-c postsPerSecond=5000` and `-c inlinePosts=1000` by other bounds.
 */
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { readSettingsFile } from './settings-file.ts';
import { type Ingress, StompBroker, type StompBrokerProps } from './stomp-broker.ts';

const app = new App();
const stack = new Stack(app, 'Stompway', { description: 'stompway: a message broker, no server' });
const broker = new StompBroker(stack, 'Broker', {
  ingress: ingress(app.node.tryGetContext('ingress') ?? 'fifo'),
  ...settings(app.node.tryGetContext('rules')),
  ...posting(app.node.tryGetContext('posting')),
  ...count('postsPerSecond'),
  ...count('inlinePosts'),
  http: flag('http'),
  cloudFront: flag('cloudFront'),
  // This stack is for trying the broker: `cdk destroy` leaves nothing behind.
  removalPolicy: RemovalPolicy.DESTROY,
});
const outputs: Readonly<Record<string, string | undefined>> = {
  WebSocketUrl: broker.url,
  TryIt: `npx wscat -c ${broker.url}`,
  HttpUrl: broker.httpUrl?.url,
  FrontDoorUrl: broker.distribution && `https://${broker.distribution.distributionDomainName}`,
  Ingress: broker.ingress,
  TableName: broker.table.tableName,
  DeadLetterQueueUrl: broker.deadLetterQueue?.queueUrl,
  UndeliveredBucket: broker.undelivered.bucketName,
};
for (const [name, value] of Object.entries(outputs)) {
  if (value !== undefined) new CfnOutput(stack, name, { value });
}

function settings(file: unknown): ReturnType<typeof readSettingsFile> {
  return file === undefined ? {} : readSettingsFile(String(file));
}

function posting(asked: unknown): Pick<StompBrokerProps, 'posting'> {
  if (asked === undefined) return {};
  if (asked === 'sdk' || asked === 'fast') return { posting: asked };
  throw new Error(`-c posting=${asked}: there are "sdk" and "fast"`);
}

/** `-c name=1000`; the construct says which numbers will do. */
function count(name: 'postsPerSecond' | 'inlinePosts'): Partial<StompBrokerProps> {
  const asked: unknown = app.node.tryGetContext(name);
  return asked === undefined ? {} : { [name]: Number(asked) };
}

/** `-c name=true`; both APIs are there with `cloudFront`. */
function flag(name: 'http' | 'cloudFront'): boolean {
  const asked = String(app.node.tryGetContext(name) ?? 'false');
  if (asked === 'true' || asked === 'false') return asked === 'true' || alsoAsked(name);
  throw new Error(`-c ${name}=${asked}: there are "true" and "false"`);
}

function alsoAsked(name: 'http' | 'cloudFront'): boolean {
  return name === 'http' && String(app.node.tryGetContext('cloudFront')) === 'true';
}

function ingress(asked: unknown): Ingress {
  if (asked === 'fifo' || asked === 'direct') return asked;
  throw new Error(`-c ingress=${asked}: there are "fifo" and "direct"`);
}
