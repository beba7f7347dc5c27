import { Duration, Fn } from 'aws-cdk-lib';
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  OriginRequestPolicy,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { FunctionUrlOrigin, HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import {
  type FunctionUrl,
  FunctionUrlAuthType,
  InvokeMode,
  type Function as Lambda,
} from 'aws-cdk-lib/aws-lambda';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

/**
 * A URL whose answers stream. No CORS of its own: SockJS sends credentials, so the origin must be
 * echoed, and the handler answers OPTIONS itself.
 */
export function streamingUrl(http: Lambda): FunctionUrl {
  return http.addFunctionUrl({
    authType: FunctionUrlAuthType.NONE,
    invokeMode: InvokeMode.RESPONSE_STREAM,
  });
}

/** A greeting that is a minute late is none: the client has gone on to another transport. */
export function greetingQueue(scope: Construct, id: string): Queue {
  return new Queue(scope, id, {
    retentionPeriod: Duration.minutes(1),
    visibilityTimeout: Duration.minutes(1),
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
  });
}

/** One at a time, and never together with others: each waits for its own connection. */
export function feedGreetings(greet: Lambda | undefined, { queueArn }: Queue): void {
  greet?.addEventSourceMapping('Greetings', { eventSourceArn: queueArn, batchSize: 1 });
}

/**
 * Runs in CloudFront before a request goes on (JavaScript runtime 2.0). API Gateway has no paths
 * behind its stage, so what a SockJS path says becomes the query `p`, and the path the stage's own.
 */
export const VIEWER_REQUEST = `function handler(event) {
  var request = event.request;
  var path = request.uri;
  if (path === '/ws' || path === '/ws/') {
    request.uri = '/';
    return request;
  }
  var framed = /^\\/sockjs\\/[^/.]+\\/[^/.]+\\/websocket$/.test(path);
  if (!framed && path !== '/sockjs/websocket') return request;
  request.uri = '/';
  request.querystring.p = { value: framed ? 'sockjs' : 'raw' };
  return request;
}
`;

/**
 * The same for Socket.IO, whose polling and WebSocket share a path: only the handshake goes to the
 * stage. CloudFront shows a function neither `Upgrade` nor `Connection`, but this header of it.
 */
export function socketioRequest(domain: string, stageName: string): string {
  return `import cf from 'cloudfront';
function handler(event) {
  var request = event.request;
  var transport = request.querystring.transport;
  var asked = transport && transport.value === 'websocket';
  if (!asked || !request.headers['sec-websocket-key']) return request;
  request.uri = '/';
  request.querystring.p = { value: 'eio' };
  cf.updateRequestOrigin({ domainName: '${domain}', originPath: '/${stageName}' });
  return request;
}
`;
}

/** Where Engine.IO is served, with and without what follows. */
export const SOCKETIO_PATHS = ['/socket.io/*', '/socket.io'] as const;

/** Which paths go to the WebSocket API; a `*` of CloudFront's takes in slashes. */
export const SOCKET_PATHS = ['/sockjs/*/websocket', '/sockjs/websocket', '/ws', '/ws/'] as const;

export interface FrontDoorProps {
  readonly stage: WebSocketStage;
  readonly http: FunctionUrl;
}

/** One domain for both, HTTPS alone, and nothing cached: answers are for one client each. */
export function frontDoorOf(scope: Construct, id: string, { stage, http }: FrontDoorProps) {
  const code = new EdgeFunction(scope, `${id}Paths`, {
    code: FunctionCode.fromInline(VIEWER_REQUEST),
    runtime: FunctionRuntime.JS_2_0,
  });
  const plain: Omit<BehaviorOptions, 'origin'> = {
    allowedMethods: AllowedMethods.ALLOW_ALL,
    cachePolicy: CachePolicy.CACHING_DISABLED,
    originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
  };
  // `wss://{api}.execute-api.{region}.amazonaws.com`, as a domain.
  const domain = Fn.select(2, Fn.split('/', stage.api.apiEndpoint));
  const sockets: BehaviorOptions = {
    ...plain,
    origin: new HttpOrigin(domain, { originPath: `/${stage.stageName}` }),
    functionAssociations: [{ eventType: FunctionEventType.VIEWER_REQUEST, function: code }],
  };
  const choosing = new EdgeFunction(scope, `${id}Socketio`, {
    code: FunctionCode.fromInline(socketioRequest(domain, stage.stageName)),
    runtime: FunctionRuntime.JS_2_0,
  });
  const polls = new FunctionUrlOrigin(http);
  const socketio: BehaviorOptions = {
    ...plain,
    origin: polls,
    functionAssociations: [{ eventType: FunctionEventType.VIEWER_REQUEST, function: choosing }],
  };
  return new Distribution(scope, id, {
    comment: 'stompway: one domain for WebSockets and HTTP',
    defaultBehavior: { ...plain, origin: polls },
    additionalBehaviors: {
      ...Object.fromEntries(SOCKET_PATHS.map((path) => [path, sockets])),
      ...Object.fromEntries(SOCKETIO_PATHS.map((path) => [path, socketio])),
    },
  });
}
