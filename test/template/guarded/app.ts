/**
 * A broker that knows who its clients are, as an operator's app would have it: a shared secret, a
 * key, a Lambda that knows tokens, one behind /app/orders and before a room, rules, HTTP. As
 * infra/app.ts the CDK tells it where to.
 */
import { fileURLToPath } from 'node:url';
import { App, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { StompBroker } from '../../../infra/stomp-broker.ts';
import { GUARDED, ISSUER, SECRET_ARN } from './settings.ts';

const app = new App();
const stack = new Stack(app, 'Guarded');
const code = Code.fromAsset(fileURLToPath(new URL('.', import.meta.url)), {
  exclude: ['*.ts'],
});
const own = (id: string, handler: string) =>
  new Lambda(stack, id, { runtime: Runtime.NODEJS_24_X, code, handler: `${handler}.handler` });
const orders = own('Orders', 'orders');
const secret = Secret.fromSecretCompleteArn(stack, 'Secret', SECRET_ARN);
const { identity, ...rest } = GUARDED;
const signed = app.node.tryGetContext('signed') === 'true';
const broker = new StompBroker(stack, 'Broker', {
  ingress: app.node.tryGetContext('ingress') === 'direct' ? 'direct' : 'fifo',
  http: true,
  security: {
    ...rest,
    identity: {
      ...identity,
      tokens: [{ algorithms: ['HS256'], secret, issuer: ISSUER }],
      hook: own('Who', 'who'),
      iam: signed,
    },
  },
  applications: [
    { pattern: '/app/orders', handler: orders },
    { pattern: '/room/attic', events: ['subscribe'], handler: orders },
  ],
});
if (signed) {
  const assumedBy = new ServicePrincipal('ec2.amazonaws.com');
  broker.grantConnect(new Role(stack, 'Sensors', { assumedBy }));
  new Role(stack, 'Strangers', { assumedBy });
}
