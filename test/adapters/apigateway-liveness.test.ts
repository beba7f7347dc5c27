import {
  ApiGatewayManagementApiClient,
  GetConnectionCommand,
  GoneException,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { mockClient } from 'aws-sdk-client-mock';
import { gatewayLiveness } from '../../adapters/apigateway/liveness.ts';

const client = new ApiGatewayManagementApiClient({
  region: 'us-east-1',
  endpoint: 'https://api/s',
});
const mock = mockClient(client);
const { alive } = gatewayLiveness(client);

beforeEach(() => mock.reset());

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
});

test.each([403, 429, 500])('%d says nothing of the connection: it is thrown', async (status) => {
  mock.on(GetConnectionCommand).rejects(refused(status));
  await expect(alive('c')).rejects.toThrow(`${status}`);
});

test('no answer says nothing of the connection either', async () => {
  mock.on(GetConnectionCommand).rejects(new Error('ECONNREFUSED'));
  await expect(alive('c')).rejects.toThrow('ECONNREFUSED');
});
