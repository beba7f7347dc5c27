/** HTTP and the front door: a URL that nobody may use, greetings that nobody sends, wrong ways. */
import { type Draft, listOf, type Mutable, mutable, withdraw } from './draft.ts';
import type { Mutation } from './mutation.ts';

const VARIANT = 'front-door';
const CURL = 'curl -d publishes, and a STOMP subscriber hears it as text, by the function URL';
const CURL_FRONT = CURL.replace('function URL', 'front door');
const POLLING =
  'stompjs over sockjs-client, xhr-polling alone: both ways, in order, by the front door';
const SOCKET = POLLING.replace('xhr-polling', 'websocket');
const ITSELF =
  'left to itself sockjs-client takes the WebSocket, greeted in time, by the front door';
const RAW = 'raw WebSockets have no framing, at /ws and at /sockjs/websocket, by the front door';
const HELD =
  'a poll and a stream that hear nothing are held for 25 s, and end well, by the front door';
const PREFLIGHT =
  'a preflight is answered, without a body and with the origin that asks, by the function URL';

const variables = (draft: Draft, part: string): Mutable =>
  mutable(mutable(draft.properties('AWS::Lambda::Function', part)['Environment'])['Variables']);
const url = (draft: Draft): Mutable => draft.properties('AWS::Lambda::Url');
const paths = (draft: Draft): Mutable =>
  draft.properties('AWS::CloudFront::Function', 'FrontDoorPaths');
const config = (draft: Draft): Mutable =>
  mutable(draft.properties('AWS::CloudFront::Distribution')['DistributionConfig']);
const behaviors = (draft: Draft): Mutable[] => [
  mutable(config(draft)['DefaultCacheBehavior']),
  ...listOf(config(draft)['CacheBehaviors']).map(mutable),
];
const origins = (draft: Draft): Mutable[] => listOf(config(draft)['Origins']).map(mutable);
const socketOrigin = (draft: Draft): Mutable =>
  mutable(origins(draft).find((one) => one['OriginPath'] !== undefined));
const urlOrigin = (draft: Draft): Mutable =>
  mutable(origins(draft).find((one) => one['OriginPath'] === undefined));

function removed(draft: Draft, type: string, part: string): void {
  delete draft.resources[draft.id(type, part)];
}

const THE_URL: readonly Mutation[] = [
  {
    name: 'nobody may use the function URL',
    caught: 'invoke-not-permitted',
    naming: 'lambda:InvokeFunctionUrl',
    plant: (draft) => removed(draft, 'AWS::Lambda::Permission', 'invokefunctionurl'),
  },
  {
    name: 'the URL may be used, but not invoke its function',
    caught: 'invoke-not-permitted',
    naming: 'lambda:InvokeFunction by',
    plant: (draft) => {
      const found = Object.keys(draft.resources).find((id) => /invokefunction(?!url)/.test(id));
      delete draft.resources[found ?? ''];
    },
  },
  {
    name: 'the URL wants signed requests',
    caught: 'wrong-value',
    naming: 'AuthType',
    plant: (draft) => {
      url(draft)['AuthType'] = 'AWS_IAM';
    },
  },
  {
    name: 'the URL does not stream',
    caught: 'wrong-value',
    naming: 'InvokeMode',
    plant: (draft) => {
      url(draft)['InvokeMode'] = 'BUFFERED';
    },
  },
  {
    name: 'the URL streams, the handler does not',
    caught: 'wrong-value',
    naming: 'InvokeMode',
    plant: (draft) =>
      draft.wrap('FunctionsHttp4', 'export const http = async () => ({ statusCode: 200 });'),
  },
  {
    name: 'the URL answers preflights itself',
    caught: 'wrong-value',
    naming: 'Cors',
    plant: (draft) => {
      url(draft)['Cors'] = { AllowOrigins: ['*'] };
    },
  },
  {
    name: 'status and headers are said, and nothing is written',
    caught: 'handler-failed',
    naming: 'without the prelude',
    journey: PREFLIGHT,
    plant: (draft) =>
      draft.wrap(
        'FunctionsHttp4',
        `export const http = awslambda.streamifyResponse(async (_, stream) => {
          awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end();
        });`,
      ),
  },
  {
    name: 'a stream that is never ended',
    caught: 'handler-failed',
    naming: 'Task timed out',
    journey: PREFLIGHT,
    plant: (draft) => {
      draft.properties('AWS::Lambda::Function', 'FunctionsHttp4')['Timeout'] = 1;
      draft.wrap(
        'FunctionsHttp4',
        `export const http = awslambda.streamifyResponse(async (_, stream) => {
          awslambda.HttpResponseStream.from(stream, { statusCode: 200 }).write('');
        });`,
      );
    },
  },
  {
    name: 'less time than a poll is held',
    caught: 'handler-failed',
    naming: 'Task timed out',
    journey: HELD,
    plant: (draft) => {
      draft.properties('AWS::Lambda::Function', 'FunctionsHttp4')['Timeout'] = 2;
    },
  },
];

const HTTP_RIGHTS: readonly Mutation[] = [
  {
    name: 'the http function may not query',
    caught: 'access-denied',
    naming: 'dynamodb:Query',
    journey: CURL,
    plant: (draft) => withdraw(draft.statement('HttpRole', 'dynamodb:Query'), 'dynamodb:Query'),
  },
  {
    name: 'the http function may not post to sockets',
    caught: 'access-denied',
    naming: 'execute-api:ManageConnections',
    journey: CURL,
    plant: (draft) => {
      draft.statement('HttpRole', 'execute-api:ManageConnections')['Action'] = 'execute-api:No';
    },
  },
  {
    name: 'the http function may not queue what clients say',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    journey: POLLING,
    plant: (draft) => {
      draft.statement('HttpRole', 'sqs:SendMessage')['Action'] = 'sqs:ReceiveMessage';
    },
  },
  {
    name: 'the http function is not told of the queue',
    caught: 'grant-unused',
    naming: 'sqs:SendMessage',
    journey: POLLING,
    plant: (draft) => {
      delete variables(draft, 'FunctionsHttp4')['QUEUE_URL'];
    },
  },
  {
    name: 'the http function is told of another table',
    caught: 'access-denied',
    naming: 'table/Other',
    journey: CURL,
    plant: (draft) => {
      variables(draft, 'FunctionsHttp4')['TABLE_NAME'] = 'Other';
    },
  },
  {
    name: 'the http function posts to another stage',
    caught: 'access-denied',
    naming: '/v1/@connections/',
    journey: CURL,
    plant: (draft) => {
      const said = variables(draft, 'FunctionsHttp4');
      said['MANAGEMENT_ENDPOINT'] = JSON.parse(
        JSON.stringify(said['MANAGEMENT_ENDPOINT']).replace('/ws"', '/v1"'),
      );
    },
  },
];

const GREETINGS: readonly Mutation[] = [
  {
    name: 'connect is not told of the greetings',
    caught: 'journey-failed',
    journey: SOCKET,
    plant: (draft) => {
      delete variables(draft, 'FunctionsConnect')['GREETINGS_URL'];
    },
  },
  {
    name: 'connect may not ask for greetings',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    journey: SOCKET,
    plant: (draft) => {
      draft.statement('ConnectRole', 'sqs:SendMessage')['Action'] = 'sqs:ReceiveMessage';
    },
  },
  {
    name: 'nobody reads the greetings',
    caught: 'queue-unread',
    naming: 'Greetings',
    plant: (draft) => removed(draft, 'AWS::Lambda::EventSourceMapping', 'Greetings'),
  },
  {
    name: 'greet may not read its queue',
    caught: 'source-unreadable',
    naming: 'sqs:ReceiveMessage',
    plant: (draft) =>
      withdraw(draft.statement('GreetRole', 'sqs:ReceiveMessage'), 'sqs:ReceiveMessage'),
  },
  {
    name: 'greetings show again before greet has to be done',
    caught: 'visibility-below-timeout',
    plant: (draft) => {
      draft.properties('AWS::SQS::Queue', 'Greetings')['VisibilityTimeout'] = 20;
    },
  },
  {
    name: 'greet may not post',
    caught: 'access-denied',
    naming: '/POST/@connections/',
    journey: SOCKET,
    plant: (draft) => {
      const statement = draft.statement('GreetRole', 'execute-api:ManageConnections');
      statement['Resource'] = listOf(statement['Resource']).slice(1);
    },
  },
  {
    name: 'greet may not claim a greeting',
    caught: 'access-denied',
    naming: 'dynamodb:',
    journey: SOCKET,
    plant: (draft) => {
      draft.statement('GreetRole', 'dynamodb:PutItem')['Action'] = 'dynamodb:Scan';
    },
  },
  {
    name: 'clients are told that there is no WebSocket',
    caught: 'journey-failed',
    journey: ITSELF,
    plant: (draft) => {
      delete variables(draft, 'FunctionsHttp4')['FRONT_DOOR'];
    },
  },
];

const FRONT_DOOR: readonly Mutation[] = [
  {
    name: 'sockets are led to another stage',
    caught: 'journey-failed',
    naming: 'refused with 403',
    journey: RAW,
    plant: (draft) => {
      socketOrigin(draft)['OriginPath'] = '/v1';
    },
  },
  {
    name: 'sockets are led to no stage',
    caught: 'journey-failed',
    naming: 'refused with 403',
    journey: RAW,
    plant: (draft) => {
      delete socketOrigin(draft)['OriginPath'];
    },
  },
  {
    name: 'the paths of sockets stay as they are',
    caught: 'journey-failed',
    naming: 'refused with 403',
    journey: RAW,
    plant: (draft) => {
      for (const one of behaviors(draft)) delete one['FunctionAssociations'];
    },
  },
  {
    name: 'sockets are led to HTTP',
    caught: 'journey-failed',
    naming: 'refused with 400',
    journey: RAW,
    plant: (draft) => {
      config(draft)['CacheBehaviors'] = [];
    },
  },
  {
    name: 'the default behaviour takes no POST',
    caught: 'journey-failed',
    journey: CURL_FRONT,
    plant: (draft) => {
      mutable(config(draft)['DefaultCacheBehavior'])['AllowedMethods'] = ['GET', 'HEAD'];
    },
  },
  {
    name: 'an origin that is given up before a poll is over',
    caught: 'origin-silent',
    journey: HELD,
    plant: (draft) => {
      mutable(urlOrigin(draft)['CustomOriginConfig'])['OriginReadTimeout'] = 3;
    },
  },
  {
    name: 'an origin that is somebody else’s',
    caught: 'unknown-reference',
    naming: 'example.com',
    journey: CURL_FRONT,
    plant: (draft) => {
      urlOrigin(draft)['DomainName'] = 'example.com';
    },
  },
  {
    name: 'an origin that is spoken to in plain text',
    caught: 'wrong-value',
    naming: 'OriginProtocolPolicy',
    plant: (draft) => {
      mutable(urlOrigin(draft)['CustomOriginConfig'])['OriginProtocolPolicy'] = 'http-only';
    },
  },
  {
    name: 'a behaviour without its origin',
    caught: 'unknown-reference',
    naming: 'origin nowhere',
    plant: (draft) => {
      mutable(config(draft)['DefaultCacheBehavior'])['TargetOriginId'] = 'nowhere';
    },
  },
  {
    name: 'the viewer’s Host goes on to the origin',
    caught: 'wrong-value',
    naming: 'OriginRequestPolicyId',
    plant: (draft) => {
      const [first] = behaviors(draft);
      mutable(first)['OriginRequestPolicyId'] = '216adef6-5c7f-47e4-b989-5492eafa07d3';
    },
  },
  {
    name: 'no query goes on to the origin',
    caught: 'missing-property',
    naming: 'OriginRequestPolicyId',
    plant: (draft) => {
      for (const one of behaviors(draft)) delete one['OriginRequestPolicyId'];
    },
  },
  {
    name: 'answers are cached',
    caught: 'wrong-value',
    naming: 'CachePolicyId',
    plant: (draft) => {
      const [first] = behaviors(draft);
      mutable(first)['CachePolicyId'] = '658327ea-f89d-4fab-a63d-7e88639e58f6';
    },
  },
  {
    name: 'viewers may come in plain text',
    caught: 'wrong-value',
    naming: 'ViewerProtocolPolicy',
    plant: (draft) => {
      const [first] = behaviors(draft);
      mutable(first)['ViewerProtocolPolicy'] = 'allow-all';
    },
  },
];

function rewritten(code: string): (draft: Draft) => void {
  return (draft) => {
    paths(draft)['FunctionCode'] = code;
  };
}

const EDGE: readonly Mutation[] = [
  {
    name: 'the viewer’s function throws',
    caught: 'edge-function-failed',
    naming: 'request is not defined',
    journey: RAW,
    plant: rewritten('function handler(event) { return request; }'),
  },
  {
    name: 'the viewer’s function returns nothing',
    caught: 'edge-function-failed',
    naming: 'returned nothing',
    journey: RAW,
    plant: rewritten('function handler(event) { event.request.uri = "/"; }'),
  },
  {
    name: 'the viewer’s function is written in JavaScript that CloudFront has not',
    caught: 'edge-function-failed',
    plant: rewritten('function handler({ request }) { return { ...request, uri: "/" }; }'),
  },
  {
    name: 'the viewer’s function leans on Node.js',
    caught: 'edge-function-failed',
    naming: 'process is not defined',
    journey: RAW,
    plant: rewritten('function handler(e) { e.request.uri = process.env.P; return e.request; }'),
  },
  {
    name: 'the viewer’s function is never published',
    caught: 'wrong-value',
    naming: 'AutoPublish',
    plant: (draft) => {
      paths(draft)['AutoPublish'] = false;
    },
  },
  {
    name: 'the viewer’s function wants a runtime that does not exist',
    caught: 'invalid-runtime',
    plant: (draft) => {
      mutable(paths(draft)['FunctionConfig'])['Runtime'] = 'cloudfront-js-3.0';
    },
  },
];

export const HTTP: readonly Mutation[] = [
  ...THE_URL,
  ...HTTP_RIGHTS,
  ...GREETINGS,
  ...FRONT_DOOR,
  ...EDGE,
].map((mutation) => ({ ...mutation, variant: VARIANT }));
