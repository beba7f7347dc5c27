/** The integration of a route with SQS: its request template, evaluated as written. */
import type { IngressEvent } from '../../broker/ports.ts';
import { TemplateFault } from './fault.ts';
import { asText } from './json.ts';
import { compileMapping, literalParameter, selectTemplate } from './mapping.ts';
import { ACCOUNT, REGION, roleArn } from './names.ts';
import type { RouteOptions, WebSocketApi } from './routes.ts';
import { sendForm } from './sqs-service.ts';
import type { Resolved } from './stack.ts';

export interface QueueIntegration {
  readonly where: string;
  /** Undefined when the message is in the queue; else what AWS would answer the gateway. */
  send(event: IngressEvent): string | undefined;
}

export function queueIntegration(
  { id, properties }: Resolved,
  api: WebSocketApi,
  options: RouteOptions,
): QueueIntegration {
  const { where } = properties;
  const uri = properties.text('IntegrationUri');
  const prefix = `arn:aws:apigateway:${REGION}:sqs:path/${ACCOUNT}/`;
  const queue = options.queues.get(uri.slice(prefix.length));
  if (!uri.startsWith(prefix) || queue === undefined) {
    throw new TemplateFault('wrong-value', `${where}.IntegrationUri`, uri);
  }
  const method = properties.text('IntegrationMethod');
  if (method !== 'POST')
    throw new TemplateFault('wrong-value', `${where}.IntegrationMethod`, method);
  const passthrough = properties.maybeText('PassthroughBehavior') ?? 'WHEN_NO_MATCH';
  if (passthrough !== 'NEVER') {
    throw new TemplateFault('wrong-value', `${where}.PassthroughBehavior`, passthrough);
  }
  const role = roleOf(properties.text('CredentialsArn'), where);
  options.authority.assume(role, 'apigateway.amazonaws.com', where);
  const parameters = properties.object('RequestParameters');
  const header = 'integration.request.header.Content-Type';
  const type = literalParameter(parameters?.text(header) ?? '', where);
  if (type !== 'application/x-www-form-urlencoded') {
    throw new TemplateFault('wrong-value', `${where}.${header}`, type);
  }
  const templates = properties.object('RequestTemplates');
  const texts = Object.fromEntries(
    Object.keys(templates?.value ?? {}).map((key) => [key, asText(templates?.any(key), where)]),
  );
  const selection = properties.maybeText('TemplateSelectionExpression') ?? '\\$default';
  const template = selectTemplate(selection, texts, where);
  properties.done();
  const mapping = compileMapping(template ?? '', where);
  return {
    where: id,
    send: (event) => {
      if (template === undefined)
        return '415: no request template matches and passthrough is NEVER';
      if (!options.authority.allows(role, 'sqs:SendMessage', queue.options.arn)) {
        return `403: ${role} may not sqs:SendMessage to ${queue.options.arn}`;
      }
      const body = Buffer.from(event.body).toString();
      return sendForm(queue, mapping({ context: contextOf(event, api), body }));
    },
  };
}

function roleOf(arn: string, where: string): string {
  const name = arn.split('/').at(-1) ?? '';
  if (arn === roleArn(name)) return name;
  throw new TemplateFault('wrong-value', `${where}.CredentialsArn`, arn);
}

function contextOf(event: IngressEvent, api: WebSocketApi): Readonly<Record<string, string>> {
  return {
    apiId: api.id,
    connectionId: event.connectionId,
    domainName: `${api.id}.execute-api.${REGION}.amazonaws.com`,
    eventType: event.eventType,
    extendedRequestId: event.requestId,
    messageId: event.messageId,
    requestId: event.requestId,
    requestTimeEpoch: String(event.requestTimeEpoch),
    requestTime: new Date(event.requestTimeEpoch).toUTCString(),
    routeKey: '$default',
    stage: api.stage,
  };
}
