import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Log } from '../../broker/ports.ts';
import { startGateway } from '../../local/gateway.ts';
import { type Mount, startServer } from '../../local/server.ts';
import { closeAll, connected, refusal, start, type TestOptions } from './gateway.ts';

afterEach(closeAll);

describe('rule 4: @connections over HTTP, as the AWS SDK speaks it', () => {
  async function withSdk(options: TestOptions = {}) {
    const opened = await connected(options);
    const sdk = sdkFor(`http://127.0.0.1:${opened.started.port}/ws`);
    return { ...opened, sdk, ConnectionId: opened.id };
  }

  function sdkFor(endpoint: string): ApiGatewayManagementApiClient {
    return new ApiGatewayManagementApiClient({
      endpoint,
      region: 'local',
      credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
      maxAttempts: 1,
    });
  }

  test('a post reaches the client', async () => {
    const { sdk, ConnectionId, texts } = await withSdk();
    await sdk.send(new PostToConnectionCommand({ ConnectionId, Data: 'hello ü' }));
    expect(await texts.next()).toBe('hello ü');
  });

  test('GET tells times and identity', async () => {
    const { sdk, ConnectionId } = await withSdk();
    const facts = await sdk.send(new GetConnectionCommand({ ConnectionId }));
    expect(facts.Identity?.SourceIp).toBe('127.0.0.1');
    expect(facts.ConnectedAt).toBeInstanceOf(Date);
    expect(facts.LastActiveAt).toBeInstanceOf(Date);
  });

  test('DELETE closes', async () => {
    const { sdk, ConnectionId, closed } = await withSdk();
    await sdk.send(new DeleteConnectionCommand({ ConnectionId }));
    expect((await closed).code).toBe(1000);
  });

  const ConnectionId = 'VotXXcBEPHcCEvQ=';
  type Sdk = ApiGatewayManagementApiClient;

  test.each<[string, (sdk: Sdk) => Promise<unknown>]>([
    ['POST', (sdk) => sdk.send(new PostToConnectionCommand({ ConnectionId, Data: 'x' }))],
    ['GET', (sdk) => sdk.send(new GetConnectionCommand({ ConnectionId }))],
    ['DELETE', (sdk) => sdk.send(new DeleteConnectionCommand({ ConnectionId }))],
  ])('%s of an unknown connection is a GoneException', async (_method, send) => {
    const { sdk } = await withSdk();
    await expect(send(sdk)).rejects.toMatchObject({
      name: 'GoneException',
      $metadata: { httpStatusCode: 410 },
    });
  });

  test('over 128 KB is a PayloadTooLargeException', async () => {
    const { sdk, ConnectionId } = await withSdk();
    const Data = Buffer.alloc(128 * 1024 + 1, 'x');
    await expect(
      sdk.send(new PostToConnectionCommand({ ConnectionId, Data })),
    ).rejects.toMatchObject({
      name: 'PayloadTooLargeException',
      $metadata: { httpStatusCode: 413 },
    });
  });

  test('over the rate is a LimitExceededException', async () => {
    const { sdk, ConnectionId } = await withSdk({
      limits: { requestsPerSecond: 0.001, requestsBurst: 1 },
    });
    await expect(
      sdk.send(new PostToConnectionCommand({ ConnectionId, Data: 'x' })),
    ).rejects.toMatchObject({
      name: 'LimitExceededException',
      $metadata: { httpStatusCode: 429 },
    });
  });

  test('a wrong stage is a ForbiddenException', async () => {
    const { started, ConnectionId } = await withSdk();
    const sdk = sdkFor(`http://127.0.0.1:${started.port}/prod`);
    await expect(
      sdk.send(new PostToConnectionCommand({ ConnectionId, Data: 'x' })),
    ).rejects.toMatchObject({
      name: 'ForbiddenException',
      $metadata: { httpStatusCode: 403 },
    });
  });

  test('a web page cannot use it', async () => {
    const { started, ConnectionId } = await withSdk();
    const response = await fetch(
      `http://127.0.0.1:${started.port}/ws/@connections/${encodeURIComponent(ConnectionId)}`,
      { method: 'POST', body: 'x', headers: { origin: 'https://evil.example' } },
    );
    expect(response.status).toBe(403);
  });
});

test('the page comes with headers that keep it to itself', async () => {
  const { port } = await start();
  const response = await fetch(`http://127.0.0.1:${port}/`);
  expect([200, 404]).toContain(response.status);
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  expect(response.headers.get('x-frame-options')).toBe('DENY');
  await response.text();
});

test('only GET and HEAD are for the page', async () => {
  const { port } = await start();
  const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD');
});

test.each([
  ['/nothing', 404, 'the WebSocket is at /ws'],
  ['/topics/misspelt', 404, 'destinations begin with /topic/, /room/, /queue/'],
  ['/ws', 426, 'This is a WebSocket'],
  ['/ws/', 426, 'This is a WebSocket'],
  ['/ws/more', 404, 'Nothing is served here'],
])('GET %s is %i in words', async (path, status, words) => {
  const { port } = await start();
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(words);
});

test('a mount takes its prefix, requests and upgrades, and nothing beside it', async () => {
  const log: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const gateway = startGateway({ routes: {}, clock: { now: () => Date.now() }, log });
  const mount: Mount = {
    prefix: '/sockjs',
    request: (request, response) => void response.end(`mounted ${request.url}`),
    upgrade: (_request, socket) =>
      void socket.end('HTTP/1.1 418 Mounted\r\nConnection: close\r\n\r\n'),
  };
  const server = await startServer({ gateway, mounts: [mount], log, host: '127.0.0.1', port: 0 });
  const at = `127.0.0.1:${server.port}`;
  expect(await (await fetch(`http://${at}/sockjs/info?t=1`)).text()).toBe(
    'mounted /sockjs/info?t=1',
  );
  expect((await fetch(`http://${at}/sockjsx`)).status).toBe(404);
  expect(await refusal(`ws://${at}/sockjs/0/x/websocket`)).toBe(418);
  expect(await refusal(`ws://${at}/sockjsx`)).toBe(403);
  await gateway.close();
  await server.close(50);
});
