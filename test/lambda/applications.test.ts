/** The operator's own Lambdas: found by event and pattern, invoked once, their faults thrown. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { makeInvoke } from '../../adapters/lambda/invoke.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import { lambdaApplications, readApplications } from '../../lambda/applications.ts';

const lambda = mockClient(LambdaClient);
beforeEach(() => lambda.reset());

const request = {
  event: 'message' as const,
  id: 'm1',
  connection: { id: 'c', connectedAt: 1 },
  destination: '/app/orders.create',
  headers: {},
  body: '{}',
};

function answering(payload: string, fault?: string) {
  const bytes = Object.assign(Buffer.from(payload), { transformToString: () => payload });
  lambda.on(InvokeCommand).resolves({
    Payload: bytes as never,
    ...(fault === undefined ? {} : { FunctionError: fault }),
  });
}

test('the first entry that fits is invoked with the request, and its answer is read', async () => {
  answering('{"refuse":"no"}');
  const text = JSON.stringify([
    { pattern: '/app/other', events: ['message'], function: 'other' },
    { pattern: '/app/orders.**', events: ['message'], function: 'orders', timeoutSeconds: 2 },
  ]);
  const all = lambdaApplications(readApplications(text), async () => makeInvoke());
  const orders = parseDestination('/app/orders.create', LIMITS);
  expect(all.find('subscribe', orders)).toBeUndefined();
  const found = all.find('message', parseDestination('/app/other', LIMITS));
  expect(found?.timeoutSeconds).toBeUndefined();
  await all.find('message', parseDestination('/app/other', LIMITS))?.application(request);
  const [call] = lambda.commandCalls(InvokeCommand);
  expect(call?.args[0].input.FunctionName).toBe('other');
  const sent = call?.args[0].input.Payload;
  if (!(sent instanceof Uint8Array)) throw new Error('no payload');
  expect(JSON.parse(Buffer.from(sent).toString())).toEqual(request);
  expect(await found?.application(request)).toEqual({ refuse: 'no' });
});

test('a function that failed is a throw, which the client never reads', async () => {
  answering('{"errorMessage":"secret"}', 'Unhandled');
  await expect(makeInvoke()('orders', request)).rejects.toThrow('orders: Unhandled');
});

test.each(['{}', '[{}]', '[{"function":"x"}]'])('%s is no list of applications', (text) => {
  expect(() => readApplications(text)).toThrow('APPLICATIONS');
});
