import { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { RegionInfo } from 'aws-cdk-lib/region-info';
import { regionalEndpoints } from '../../adapters/regional-endpoint.ts';

const ordinary = { UseFIPS: false, UseDualStack: false };
const regions = RegionInfo.regions.map(({ name }) => name);

test('in every Region it is the endpoint that the SDK finds by its rules', () => {
  const { endpointProvider } = new DynamoDBClient({ region: 'eu-west-1' }).config;
  const ours = regionalEndpoints('dynamodb');
  const asked = regions.map((Region) => ({ ...ordinary, Region }));
  expect(asked.map((each) => ours(each).url.href)).toEqual(
    asked.map((each) => endpointProvider(each).url.href),
  );
  const suffixes = regions.map((Region) => ours({ Region }).url.host.split(`${Region}.`)[1]);
  expect(new Set(suffixes).size).toBeGreaterThan(3);
});

test('an endpoint of the client’s own goes before, path and all', () => {
  const Endpoint = 'https://abc123.execute-api.eu-west-1.amazonaws.com/ws';
  const { endpointProvider } = new ApiGatewayManagementApiClient({ region: 'eu-west-1' }).config;
  const asked = { ...ordinary, Endpoint, Region: 'eu-west-1' };
  const { url } = regionalEndpoints('execute-api')(asked);
  expect(url.href).toBe(Endpoint);
  expect(url.href).toBe(endpointProvider(asked).url.href);
});

test('what is left out is refused in words', () => {
  const find = regionalEndpoints('dynamodb');
  expect(() => find({})).toThrow('AWS_REGION is not in the environment');
  expect(() => find({ Region: 'us-east-1', UseFIPS: true })).toThrow('left out of the bundles');
});
