import {
  ApiGatewayManagementApiClient,
  ApiGatewayManagementApiServiceException,
  DeleteConnectionCommand,
  ForbiddenException,
  GoneException,
  LimitExceededException,
  PayloadTooLargeException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { mockClient } from 'aws-sdk-client-mock';
import type { Answer, Management } from '../../adapters/apigateway/management.ts';
import { gatewayOutbox } from '../../adapters/apigateway/outbox.ts';
import { managementClient, sdkManagement } from '../../adapters/apigateway/sdk.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Delivery } from '../../broker/ports.ts';
import type { FakeAnswer } from '../contract/fake-gateway.ts';
import { outboxContract } from '../contract/outbox.ts';
import { BUFFER_FULL, OVER_RATE, play, serve } from './management-server.ts';

outboxContract('the SDK, mocked', async ({ gateway, ...world }) => {
  const client = new ApiGatewayManagementApiClient({ region: 'us-east-1' });
  const mock = mockClient(client);
  mock.on(PostToConnectionCommand).callsFake(async ({ ConnectionId, Data }) => {
    const answer = gateway.answer(ConnectionId, Data);
    if (answer !== 200) throw refusal(answer);
    return {};
  });
  mock.on(DeleteConnectionCommand).callsFake(async ({ ConnectionId }) => {
    const answer = gateway.remove(ConnectionId);
    if (answer !== 204) throw refusal(answer);
    return {};
  });
  const management = sdkManagement(client);
  return { outbox: gatewayOutbox({ ...world, management }), close: async () => mock.restore() };
});

/** As the SDK throws it. */
function refusal(answer: FakeAnswer): Error {
  const of = (httpStatusCode: number, message: string) => ({
    $metadata: { httpStatusCode },
    message,
  });
  switch (answer) {
    case 'cut':
      return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    case 'rate':
      return new LimitExceededException(of(429, OVER_RATE));
    case 'buffer':
      return new LimitExceededException(of(429, BUFFER_FULL));
    case 403:
      return new ForbiddenException(of(403, 'Forbidden'));
    case 410:
      return new GoneException(of(410, 'Gone'));
    case 413:
      return new PayloadTooLargeException(of(413, 'Too large'));
    default:
      return new ApiGatewayManagementApiServiceException({
        name: 'InternalServerError',
        $fault: 'server',
        ...of(answer, 'Oops'),
      });
  }
}

/** Their limits on time have tests of their own: no slow machine shall tell the contract's outcomes. */
const PATIENT = { requestMilliseconds: 60_000, connectMilliseconds: 60_000 };

describe('over HTTP', () => {
  const credentials = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'x' };
  const before = { ...process.env };
  beforeAll(() => Object.assign(process.env, credentials));
  afterAll(() => {
    process.env = before;
  });

  outboxContract('the SDK', async ({ gateway, ...world }) => {
    const { endpoint, close } = await serve((request, response) =>
      play(gateway, request, response),
    );
    const client = managementClient(endpoint, PATIENT);
    return {
      outbox: gatewayOutbox({ ...world, management: sdkManagement(client, PATIENT) }),
      async close() {
        client.destroy();
        await close();
      },
    };
  });

  test.each<[status: number, type: string, body: string]>([
    [502, '', '<html>Bad Gateway</html>'],
    [504, '', ''],
    [410, '', ''],
    [429, 'LimitExceededException', ''],
    [403, 'ForbiddenException', '{"message":"Forbidden"}'],
    [400, 'BadRequestException', '{"Message":"No"}'],
  ])('a %d is known by its status, whatever stands in it: %s %s', async (status, type, body) => {
    const { endpoint, close } = await serve((_, response) => {
      response.writeHead(status, type ? { 'x-amzn-ErrorType': type } : {}).end(body);
    });
    const client = managementClient(endpoint);
    try {
      const answer = await sdkManagement(client).post('a', Buffer.from('x'));
      expect(answer.status).toBe(status);
    } finally {
      client.destroy();
      await close();
    }
  });

  test('the client asks once: pauses and retries are the outbox’s', async () => {
    let asked = 0;
    const { endpoint, close } = await serve((_, response) => {
      asked += 1;
      response.writeHead(500).end();
    });
    const client = managementClient(endpoint);
    try {
      expect((await sdkManagement(client).post('a', Buffer.from('x'))).status).toBe(500);
      expect(asked).toBe(1);
    } finally {
      client.destroy();
      await close();
    }
  });
});

describe('beyond the contract', () => {
  const OLD = -3_600_000;

  function stage(management: Partial<Management>) {
    let now = 0;
    const logged: [event: string, fields: unknown][] = [];
    const pauses: number[] = [];
    const outbox = gatewayOutbox({
      management: {
        post: async () => OK,
        get: async () => OK,
        delete: async () => OK,
        ...management,
      },
      clock: { now: () => now },
      timer: {
        async sleep(milliseconds) {
          pauses.push(milliseconds);
          now += milliseconds;
        },
        after: () => () => {},
      },
      limits: LIMITS,
      log: {
        info() {},
        warn() {},
        error: (event, _, fields) => logged.push([event, fields]),
      },
      random: () => 0,
    });
    return { outbox, logged, pauses };
  }

  const OK: Answer = { status: 200, words: '' };

  function deliveries(
    count: number,
    posts: readonly Uint8Array[] = [Buffer.from('x')],
  ): Delivery[] {
    return Array.from({ length: count }, (_, n) => ({
      connectionId: `c${n}`,
      connectedAt: OLD,
      posts,
    }));
  }

  test('no more posts are under way than the limit, and as many as that', async () => {
    let under = 0;
    let most = 0;
    const { outbox } = stage({
      async post() {
        most = Math.max(most, ++under);
        await new Promise((resolve) => setImmediate(resolve));
        under -= 1;
        return OK;
      },
    });
    await outbox.post(deliveries(LIMITS.postsAtOnceMax * 3 + 1));
    expect(most).toBe(LIMITS.postsAtOnceMax);
  });

  test('pauses double and are jittered down to their half', async () => {
    const { outbox, pauses } = stage({ post: async () => ({ status: 503, words: '' }) });
    expect(await outbox.post(deliveries(1))).toEqual(['failed']);
    expect(pauses).toEqual([25, 50, 100, 200, 400]);
  });

  test('a wrong endpoint or a missing right is one line that says so, for a thousand', async () => {
    const { outbox, logged } = stage({ post: async () => ({ status: 403, words: 'Forbidden' }) });
    expect(new Set(await outbox.post(deliveries(1000)))).toEqual(new Set(['failed']));
    expect(logged).toEqual([
      [
        expect.stringContaining('execute-api:ManageConnections'),
        { status: 403, connectionId: 'c0', deliveries: 1000 },
      ],
    ]);
  });

  test('octets that are no text are not posted: the gateway would cut the receiver off', async () => {
    const posted: Uint8Array[] = [];
    const { outbox, logged } = stage({
      async post(_, payload) {
        posted.push(payload);
        return OK;
      },
    });
    const posts = [Buffer.from('text'), Uint8Array.of(0xc3, 0x28), Buffer.from('more')];
    expect(await outbox.post(deliveries(1, posts))).toEqual(['failed']);
    expect(posted).toEqual([Buffer.from('text')]);
    expect(logged.map(([event]) => event)).toEqual(['post-not-text']);
  });

  test('a connection that cannot be closed is tried again, then logged', async () => {
    let asked = 0;
    const { outbox, logged } = stage({
      async delete() {
        asked += 1;
        return { status: 429, words: 'Too Many Requests' };
      },
    });
    await outbox.close('a');
    expect(asked).toBe(1 + LIMITS.postRetriesMax);
    expect(logged).toEqual([['close-failed', { connectionId: 'a' }]]);
  });
});
