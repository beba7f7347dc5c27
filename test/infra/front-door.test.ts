/** HTTP on AWS: what is made only if asked for, and the front door's function, run over URLs. */
import { runInNewContext } from 'node:vm';
import { socketioRequest, VIEWER_REQUEST } from '../../infra/front-door.ts';
import { list, object, resource, resources, synthesize } from './synthesized.ts';

const plain = synthesize().template;
const http = synthesize({ http: true }).template;
const front = synthesize({ cloudFront: true }).template;

const handlers = (template: typeof plain) =>
  resources(template, 'AWS::Lambda::Function').map(({ properties }) => properties['Handler']);

test('without being asked for there is neither HTTP nor a front door', () => {
  expect(resources(plain, 'AWS::Lambda::Url')).toEqual([]);
  expect(resources(plain, 'AWS::CloudFront::Distribution')).toEqual([]);
  expect(handlers(plain)).not.toContain('index.http');
  expect(handlers(plain)).not.toContain('index.greet');
});

test('with http there is one function URL that streams, for everybody, without CORS of its own', () => {
  const [url] = resources(http, 'AWS::Lambda::Url');
  expect(url?.properties).toMatchObject({ AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' });
  expect(url?.properties['Cors']).toBeUndefined();
  expect(handlers(http)).toContain('index.http');
  expect(handlers(http)).toContain('index.greet');
  const made = resource(http, 'AWS::Lambda::Function', 'BrokerFunctionsHttp');
  expect(made).toMatchObject({ MemorySize: 128, Timeout: 60 });
  const variables = Object.keys(object(object(made['Environment'])['Variables']));
  expect(variables).toEqual(['TABLE_NAME', 'MANAGEMENT_ENDPOINT', 'QUEUE_URL', 'JOBS_URL']);
});

test.each([
  ['http', http],
  ['the front door', front],
])('with %s connect may ask for greetings, and greet alone may read them', (_, template) => {
  const may = resources(template, 'AWS::IAM::Policy').flatMap(({ properties }) =>
    list(object(properties['PolicyDocument'])['Statement'])
      .map(object)
      .filter((statement) => statement['Resource'] === '{BrokerGreetings.Arn}')
      .map((statement) => `${list(properties['Roles'])[0]} ${[statement['Action']].flat()}`),
  );
  expect(may.sort()).toEqual([
    '{BrokerFunctionsConnectRole} sqs:SendMessage',
    '{BrokerFunctionsGreetRole} sqs:DeleteMessage,sqs:GetQueueAttributes,sqs:ReceiveMessage',
  ]);
});

test('the front door caches nothing, takes HTTPS alone, and leads sockets to the stage', () => {
  const [found] = Object.values(front.findResources('AWS::CloudFront::Distribution'));
  const config = object(object(found?.['Properties'])['DistributionConfig']);
  const behaviors = [config['DefaultCacheBehavior'], ...list(config['CacheBehaviors'])].map(object);
  for (const behavior of behaviors) {
    expect(behavior).toMatchObject({
      ViewerProtocolPolicy: 'https-only',
      // CachingDisabled, AllViewerExceptHostHeader: managed policies, by their published ids.
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
    });
  }
  expect(behaviors.slice(1).map((behavior) => behavior['PathPattern'])).toEqual([
    '/sockjs/*/websocket',
    '/sockjs/websocket',
    '/ws',
    '/ws/',
    '/socket.io/*',
    '/socket.io',
  ]);
  const paths = list(config['Origins']).map((origin) => object(origin)['OriginPath']);
  expect(paths.sort()).toEqual(['/ws', undefined]);
});

test.each([
  ['/sockjs/000/abc/websocket', '/', 'sockjs'],
  ['/sockjs/a-b_c/x%20y/websocket', '/', 'sockjs'],
  ['/sockjs/websocket', '/', 'raw'],
  ['/ws', '/', undefined],
  ['/ws/', '/', undefined],
  ['/sockjs/000/abc/xhr', '/sockjs/000/abc/xhr', undefined],
  ['/sockjs/0.0/abc/websocket', '/sockjs/0.0/abc/websocket', undefined],
  ['/sockjs//abc/websocket', '/sockjs//abc/websocket', undefined],
  ['/sockjs/a/b/c/websocket', '/sockjs/a/b/c/websocket', undefined],
  ['/other/000/abc/websocket', '/other/000/abc/websocket', undefined],
  ['/topic/a', '/topic/a', undefined],
])('%s goes on as %s with p=%s, and keeps its own query', (uri, onward, p) => {
  const sandbox = { event: { request: { uri, querystring: { token: { value: 't' } } } }, out: '' };
  runInNewContext(`${VIEWER_REQUEST}; out = JSON.stringify(handler(event));`, sandbox);
  const query = { token: { value: 't' }, ...(p === undefined ? {} : { p: { value: p } }) };
  expect(JSON.parse(sandbox.out)).toEqual({ uri: onward, querystring: query });
});

const HANDSHAKE = { 'sec-websocket-key': { value: 'a2V5' } };

test.each([
  ['/socket.io/', 'websocket', HANDSHAKE, '/', 'eio'],
  ['/socket.io/', 'websocket', {}, '/socket.io/', undefined],
  ['/socket.io/', 'polling', HANDSHAKE, '/socket.io/', undefined],
  ['/socket.io/', undefined, HANDSHAKE, '/socket.io/', undefined],
])(
  'Socket.IO at %s, transport %s, with %j goes on as %s with p=%s',
  (uri, transport, headers, onward, p) => {
    const query = {
      EIO: { value: '4' },
      ...(transport === undefined ? {} : { transport: { value: transport } }),
    };
    const origins: unknown[] = [];
    const sandbox = {
      cf: { updateRequestOrigin: (origin: unknown) => origins.push(origin) },
      event: { request: { uri, headers, querystring: query } },
      out: '',
    };
    const code = socketioRequest('api.example', 'ws').replace("import cf from 'cloudfront';", '');
    runInNewContext(`${code}; out = JSON.stringify(handler(event));`, sandbox);
    expect(JSON.parse(sandbox.out)).toEqual({
      uri: onward,
      headers,
      querystring: { ...query, ...(p === undefined ? {} : { p: { value: p } }) },
    });
    const stage = { domainName: 'api.example', originPath: '/ws' };
    expect(origins).toEqual(p === undefined ? [] : [stage]);
  },
);
