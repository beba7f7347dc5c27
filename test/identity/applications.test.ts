/** The operator's own code: the example over real sockets, and what else it may do to us. */
import type { ApplicationRequest, Applications } from '../../broker/ports.ts';
import { openApplications, parseApplications } from '../../local/applications.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { type Client, makeWorld } from '../broker/world.ts';
import { talk } from './talker.ts';

const brokers: Broker[] = [];
afterEach(async () => {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
});

test('the example answers, publishes, and refuses in words', async () => {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const module = 'examples/application.ts';
  const applications = parseApplications([
    { pattern: '/app/orders.create', module },
    { pattern: '/room/*', events: ['subscribe'], module },
  ]);
  const broker = await startBroker({ port: 0, memory: true, log, security: { applications } });
  brokers.push(broker);
  const url = `ws://127.0.0.1:${broker.port}`;
  const shop = await talk(`${url}/ws`, { protocols: ['json.stompway'] });
  const say = (request: object) => shop.ws.send(JSON.stringify(request));
  say({ subscribe: '/topic/orders' });
  say({ subscribe: '/user/queue/replies' });
  await shop.until('"receipt-id":"/user/queue/replies"');
  say({ send: '/app/orders.create', body: { item: 'tea' }, 'correlation-id': 7 });
  expect(await shop.until('"correlation-id":"7"')).toContain('"item":"tea"');
  expect(shop.heard.filter((text) => text.includes('"destination":"/topic/orders"'))).toHaveLength(
    1,
  );
  say({ send: '/app/orders.create', body: {} });
  expect(await shop.until('ERROR')).toContain('An order names an item');
  say({ send: '/app/orders.create', body: 'no JSON' });
  expect(await shop.until('ERROR')).toContain('application-failed');
  say({ subscribe: '/room/attic' });
  expect(await shop.until('ERROR')).toContain('The attic is closed');
  say({ subscribe: '/room/kitchen' });
  await shop.until('"receipt-id":"/room/kitchen"');
  say({ send: '/app/nobody', body: 'x' });
  expect(await shop.until('ERROR')).toContain('No application is here');
  const posted = await fetch(`http://127.0.0.1:${broker.port}/app/orders.create`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{"item":"milk"}',
  });
  expect(posted.status).toBe(200);
  expect(await shop.until('milk')).toContain('/topic/orders');
  shop.ws.terminate();
});

/** A client before an application of the test's own. */
async function before(application: (request: ApplicationRequest) => unknown): Promise<{
  client: Client;
  asked: ApplicationRequest[];
}> {
  const asked: ApplicationRequest[] = [];
  const applications: Applications = {
    find: (event, destination) =>
      event === 'message' || (event === 'publish' && destination?.canonical === '/topic/hooked')
        ? {
            application: async (request) => {
              asked.push(request);
              return application(request);
            },
          }
        : undefined,
  };
  const at = makeWorld({
    rooms: true,
    extend: (ports) => ({
      ...ports,
      applications,
      // What is waited for is over at once.
      timer: {
        ...ports.timer,
        after: (milliseconds, act) => {
          if (milliseconds === 5000 && late) act();
          return () => undefined;
        },
      },
    }),
  });
  const client = await at.client('c', { protocol: 'json.stompway' });
  await client.send('{"connect":true}');
  client.heard();
  return { client, asked };
}

let late = false;
afterEach(() => {
  late = false;
});

test.each([
  ['throws', () => Promise.reject(new Error('secret words'))],
  ['answers a text', () => 'yes'],
  ['publishes no list', () => ({ publish: 1 })],
  ['publishes to nowhere', () => ({ publish: [{ body: 'x' }] })],
  [
    'publishes too much',
    () => ({ publish: Array.from({ length: 101 }, () => ({ destination: '/topic/a' })) }),
  ],
  ['replies with a text', () => ({ reply: 'x' })],
])('one that %s is a clear error, and the connection goes on', async (_, application) => {
  const { client } = await before(application);
  await client.send('{"send":"/app/x","body":"1","receipt":"r"}');
  const heard = client.heard();
  expect(heard).toContain('"code":"application-failed"');
  expect(heard).toContain('"receipt-id":"r"');
  expect(heard).not.toContain('secret');
  await client.send('{"subscribe":"/topic/a"}');
  expect(client.heard()).toContain('RECEIPT');
});

test('one that never answers is given up in words', async () => {
  late = true;
  const { client } = await before(() => new Promise(() => undefined));
  await client.send('{"send":"/app/x","body":"1"}');
  expect(client.heard()).toContain('did not answer in time');
});

test('it is told who, where and what, and no secret', async () => {
  const { client, asked } = await before(() => undefined);
  await client.send('{"send":"/app/x.y","body":"hi","color":"red","token":"s3cret"}');
  expect(asked).toMatchObject([
    { event: 'message', destination: '/app/x.y', headers: { color: 'red' }, body: 'hi' },
  ]);
  expect(asked[0]?.connection).toMatchObject({ id: 'c', session: expect.any(String) });
  expect(JSON.stringify(asked)).not.toContain('s3cret');
});

test('a hook on publish refuses before anybody hears', async () => {
  const { client } = await before(() => ({ refuse: 'not today' }));
  await client.send('{"subscribe":"/topic/hooked"}');
  client.heard();
  await client.send('{"send":"/topic/hooked","body":"x"}');
  expect(client.heard()).toMatch(/^[^}]*"code":"forbidden"[^}]*}$/);
});

test.each([
  [{}],
  [[{ pattern: '/app/**' }]],
  [[{ module: 'x', events: ['delete'] }]],
  [[{ module: 'x', pattern: '/apps' }]],
  [[{ module: 'x', timeout: '1h' }]],
  [[{ module: 'x', more: 1 }]],
])('%j is refused in words', (json) => {
  expect(() => parseApplications(json)).toThrow(/^applications/);
});

test('a module that cannot be loaded is told as the application it is', async () => {
  const settings = [{ events: ['message' as const], module: './nowhere.mjs' }];
  await expect(openApplications(settings)).rejects.toThrow(
    /^The application \.\/nowhere\.mjs cannot be loaded: /,
  );
});
