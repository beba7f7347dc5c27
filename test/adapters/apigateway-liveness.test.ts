import {
  ApiGatewayManagementApiClient,
  GetConnectionCommand,
  GoneException,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { mockClient } from 'aws-sdk-client-mock';
import { gatewayLiveness } from '../../adapters/apigateway/liveness.ts';
import type { Answer } from '../../adapters/apigateway/management.ts';
import { sdkManagement } from '../../adapters/apigateway/sdk.ts';
import { LIMITS } from '../../broker/limits.ts';

/** Pauses pass at once, and are counted. */
let paused = 0;
const world = {
  clock: { now: () => 1_800_000_000_000 },
  timer: {
    sleep: async () => {
      paused += 1;
    },
    after: () => () => {},
  },
  limits: LIMITS,
};

const client = new ApiGatewayManagementApiClient({
  region: 'us-east-1',
  endpoint: 'https://api/s',
});
const mock = mockClient(client);
const { alive } = gatewayLiveness({ ...world, management: sdkManagement(client) });

beforeEach(() => {
  mock.reset();
  paused = 0;
});

function refused(httpStatusCode: number): Error {
  return Object.assign(new Error(`${httpStatusCode}`), { $metadata: { httpStatusCode } });
}

test('a connection that the gateway knows is alive', async () => {
  mock.on(GetConnectionCommand).resolves({ ConnectedAt: new Date(0) });
  expect(await alive('L0SM9/+FvHc=')).toBe(true);
  const [asked] = mock.commandCalls(GetConnectionCommand);
  expect(asked?.args[0].input).toEqual({ ConnectionId: 'L0SM9/+FvHc=' });
});

test('a connection that the gateway does not know is not, however it says so', async () => {
  const gone = new GoneException({ $metadata: { httpStatusCode: 410 }, message: 'Gone' });
  for (const fault of [gone, refused(410)]) {
    mock.on(GetConnectionCommand).rejects(fault);
    expect(await alive('c')).toBe(false);
  }
  expect(paused).toBe(0);
});

test('a 403 says nothing of the connection: it is thrown at once', async () => {
  mock.on(GetConnectionCommand).rejects(refused(403));
  await expect(alive('c')).rejects.toThrow('403');
  expect(paused).toBe(0);
});

test.each<[string, Error, string]>([
  ['a 500', refused(500), '500'],
  ['silence', new Error('ECONNREFUSED'), 'ECONNREFUSED'],
  ['a full rate', refused(429), '429'],
])(
  '%s says nothing of the connection either: asked again, then thrown',
  async (_, fault, words) => {
    mock.on(GetConnectionCommand).rejects(fault);
    await expect(alive('c')).rejects.toThrow(words);
    expect(paused).toBe(LIMITS.postRetriesMax);
    mock.reset();
    mock.on(GetConnectionCommand).rejectsOnce(fault).resolves({});
    expect(await alive('c')).toBe(true);
  },
);

test.each<[number, boolean]>([
  [200, true],
  [410, false],
])('over our own sockets a %d says %s as well', async (status, expected) => {
  const asked: string[] = [];
  const get = async (connectionId: string): Promise<Answer> => {
    asked.push(connectionId);
    return { status, words: '' };
  };
  const never = () => Promise.reject(new Error('not asked for'));
  const fast = gatewayLiveness({ ...world, management: { get, post: never, delete: never } });
  expect(await fast.alive('c')).toBe(expected);
  expect(asked).toEqual(['c']);
});
