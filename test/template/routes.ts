/**
 * The WebSocket API out of the template: its routes as the strict gateway takes them. Permissions
 * and roles are checked before the first message; on AWS each of these faults shows as a 500 or
 * as an "Internal server error" in the middle of a client's stream.
 */

import type { RouteResult } from '../../lambda/events.ts';
import type { LambdaRoute, QueueRoute, Routes } from '../../local/dispatch.ts';
import { type OnFault, TemplateFault } from './fault.ts';
import type { LambdaFunction } from './functions.ts';
import type { Authority } from './iam.ts';
import { isObject } from './json.ts';
import type { Lambdas } from './lambdas.ts';
import { ACCOUNT, REGION } from './names.ts';
import type { Queue } from './queue.ts';
import { type QueueIntegration, queueIntegration } from './queue-integration.ts';
import type { Permissions } from './roles.ts';
import { signedConnect } from './signed-connect.ts';
import type { Resolved, Stack } from './stack.ts';

export interface RouteOptions {
  readonly authority: Authority;
  readonly permissions: Permissions;
  readonly lambdas: Lambdas;
  readonly queues: ReadonlyMap<string, Queue>;
  readonly onFault: OnFault;
}

export interface WebSocketApi {
  readonly id: string;
  readonly stage: string;
  /** The stage's throttle: events a second, and how many at once. */
  readonly throttle: { readonly perSecond: number; readonly burst: number } | undefined;
}

const REQUIRED = ['$connect', '$disconnect', '$default'] as const;

/** The one WebSocket API and its one stage. Both are read in full, so that a misspelling shows. */
export function apiOf(stack: Stack): WebSocketApi {
  const [api, ...more] = stack.of('AWS::ApiGatewayV2::Api');
  if (api === undefined || more.length > 0) {
    throw new TemplateFault('wrong-value', stack.assembly.stack, `${more.length + 1} APIs, not 1`);
  }
  api.properties.ignore('Name', 'Description', 'Tags', 'DisableExecuteApiEndpoint');
  expect(api, 'ProtocolType', 'WEBSOCKET');
  api.properties.text('RouteSelectionExpression');
  api.properties.done();
  const [stage] = stack.of('AWS::ApiGatewayV2::Stage');
  if (stage === undefined) throw new TemplateFault('stage-missing', api.id, 'it has no stage');
  const { properties } = stage;
  properties.ignore('Description', 'AccessLogSettings', 'Tags');
  expect(stage, 'ApiId', api.ref);
  const settings = properties.object('DefaultRouteSettings');
  settings?.ignore('DataTraceEnabled', 'DetailedMetricsEnabled', 'LoggingLevel');
  const perSecond = settings?.maybeNumber('ThrottlingRateLimit');
  const burst = settings?.maybeNumber('ThrottlingBurstLimit');
  if (properties.maybeFlag('AutoDeploy') !== true && !properties.has('DeploymentId')) {
    throw new TemplateFault('stage-missing', stage.id, 'neither AutoDeploy nor a deployment');
  }
  properties.ignore('DeploymentId');
  const name = properties.text('StageName');
  properties.done();
  const throttle = perSecond === undefined ? undefined : { perSecond, burst: burst ?? perSecond };
  return { id: api.ref, stage: name, throttle };
}

export function routesOf(stack: Stack, api: WebSocketApi, options: RouteOptions): Routes {
  const keyed = stack.of('AWS::ApiGatewayV2::Route').map((route) => {
    const key = route.properties.text('RouteKey');
    if (key.startsWith('$') && !REQUIRED.some((one) => one === key)) {
      throw new TemplateFault('unknown-route-key', route.id, key);
    }
    return { key, route };
  });
  const missing = REQUIRED.find((one) => !keyed.some(({ key }) => key === one));
  if (missing !== undefined) throw new TemplateFault('route-missing', api.id, missing);
  const targets = new Map(
    keyed.map(({ key, route }) => [key, targetOf(route, key, api, stack, options)]),
  );
  const lambda = (key: string): LambdaFunction => {
    const target = targets.get(key);
    if (target !== undefined && 'invoke' in target) return target;
    throw new TemplateFault('wrong-value', key, 'must end in a function');
  };
  const fallback = targets.get('$default');
  const connect = lambda('$connect');
  const signed = keyed.some(
    ({ key, route }) =>
      key === '$connect' && route.properties.text('AuthorizationType') === 'AWS_IAM',
  );
  const disconnect = lambda('$disconnect');
  return {
    connect: async (event) => {
      const known = signed ? signedConnect(event, api, options.authority) : event;
      return 'statusCode' in known ? known : proxy(connect, known);
    },
    disconnect: (event) => proxy(disconnect, event),
    ...(fallback && { default: routeTo(fallback, options) }),
  };
}

type Target = LambdaFunction | QueueIntegration;

function routeTo(target: Target, options: RouteOptions): LambdaRoute | QueueRoute {
  if ('invoke' in target) return { handler: (event) => proxy(target, event) };
  return {
    enqueue: (event) => {
      const fault = target.send(event);
      if (fault === undefined) return;
      options.onFault(fault.startsWith('403') ? 'access-denied' : 'integration-failed', fault);
      throw new Error(fault);
    },
  };
}

function targetOf(
  route: Resolved,
  key: string,
  api: WebSocketApi,
  stack: Stack,
  options: RouteOptions,
): Target {
  const { properties } = route;
  properties.ignore('OperationName');
  expect(route, 'ApiId', api.id);
  // Who may connect is asked at each handshake: signed-connect.ts.
  const signed = key === '$connect' && properties.text('AuthorizationType') === 'AWS_IAM';
  if (!signed) expect(route, 'AuthorizationType', 'NONE');
  const target = properties.text('Target');
  properties.done();
  const integration = stack
    .of('AWS::ApiGatewayV2::Integration')
    .find(({ ref }) => target === `integrations/${ref}`);
  if (integration === undefined) throw new TemplateFault('integration-missing', route.id, target);
  expect(integration, 'ApiId', api.id);
  if (integration.properties.text('IntegrationType') === 'AWS') {
    return queueIntegration(integration, api, options);
  }
  expect(integration, 'IntegrationType', 'AWS_PROXY');
  const uri = integration.properties.text('IntegrationUri');
  const prefix = `arn:aws:apigateway:${REGION}:lambda:path/2015-03-31/functions/`;
  const arn = uri.startsWith(prefix) ? uri.slice(prefix.length).replace('/invocations', '') : '';
  if (uri !== `${prefix}${arn}/invocations`) {
    throw new TemplateFault('wrong-value', `${integration.id}.IntegrationUri`, uri);
  }
  integration.properties.done();
  const found = options.lambdas.byArn(arn, integration.id);
  const source = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${api.id}/${api.stage}/${key}`;
  options.permissions.demand(found.spec.arn, 'apigateway.amazonaws.com', source);
  return found;
}

/** What API Gateway makes of a function's answer: an error or a strange shape is a 500. */
async function proxy(target: LambdaFunction, event: unknown): Promise<RouteResult> {
  const answer = await target.invoke(event);
  if ('errorType' in answer) throw new Error(`${answer.errorType}: ${answer.errorMessage}`);
  const value: unknown = JSON.parse(answer.value);
  if (!isObject(value) || typeof value['statusCode'] !== 'number') {
    throw new Error(`malformed Lambda proxy response: ${answer.value}`);
  }
  const headers = isObject(value['headers']) ? value['headers'] : {};
  return {
    statusCode: value['statusCode'],
    headers: Object.fromEntries(Object.entries(headers).map(([name, one]) => [name, String(one)])),
    ...(typeof value['body'] === 'string' && { body: value['body'] }),
  };
}

export function expect({ id, properties }: Resolved, key: string, value: string): void {
  const found = properties.text(key);
  if (found !== value) {
    throw new TemplateFault('wrong-value', `${id}.${key}`, `${found}; expected ${value}`);
  }
}
