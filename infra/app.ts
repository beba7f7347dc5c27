/**
 * The broker alone in a stack of its own: `npx cdk deploy`, with `-c ingress=direct` without its
 * queue, with `-c rules=stompway.json` by all that the operator's file says, with `-c http=true` with
 * HTTP beside the WebSockets, with `-c cloudFront=true` with both behind one domain, with
 * `-c posting=sdk` with posts through the SDK, with `-c postsPerSecond=5000` and
 * `-c inlinePosts=1000` by other bounds.
 */
import { Annotations, App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { type Context, propsOf, unknownKeys } from './context.ts';
import { StompBroker } from './stomp-broker.ts';

const app = new App();
try {
  stompway(app);
} catch (cause) {
  if (!isInWords(cause)) throw cause;
  console.error(cause.message);
  process.exit(1);
}

function stompway(scope: App): void {
  const stack = new Stack(scope, 'Stompway', {
    description: 'stompway: a message broker, no server',
  });
  const context: Context = scope.node.getAllContext();
  const broker = new StompBroker(stack, 'Broker', {
    ...propsOf(context),
    // This stack is for trying the broker: `cdk destroy` leaves nothing behind.
    removalPolicy: RemovalPolicy.DESTROY,
  });
  for (const key of unknownKeys(context)) {
    const words = `-c ${key}=…: nothing here reads it`;
    Annotations.of(stack).addWarningV2('stompway:unknown-context-key', words);
  }
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
}

/** What the operator mends: of faults of ours, and with `cdk --debug`, the stack is of more use. */
function isInWords(cause: unknown): cause is Error {
  const { CDK_DEBUG: debug } = process.env;
  const ours = [TypeError, RangeError, ReferenceError, SyntaxError].some(
    (of) => cause instanceof of,
  );
  return cause instanceof Error && !ours && debug !== 'true';
}
