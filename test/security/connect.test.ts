/** `$connect` where handshakes are signed, and who never connects: by the handlers of AWS. */
import type { Principal } from '../../broker/model.ts';
import type { Signer } from '../../broker/ports.ts';
import { workHandler } from '../../lambda/background.ts';
import { connectHandler } from '../../lambda/connect.ts';
import { contextOf, frame, makeWorld } from '../broker/world.ts';
import { guarded, POLICY, person } from '../identity/people.ts';

const PEOPLE = { ann: person('ann', '/**') };
const SENSOR: Principal = { user: 'Sensors:s1', tokenId: 'ASIA1', grants: [], policy: POLICY };

function world(signed: boolean) {
  const extend = guarded(PEOPLE);
  return makeWorld({
    rooms: true,
    extend: (ports) => {
      const made = extend(ports);
      if (made.identity === undefined || !signed) return made;
      const known = ({ accessKey }: Signer) => (accessKey === 'ASIA1' ? SENSOR : 'refused');
      return { ...made, identity: { ...made.identity, signed: known } };
    },
  });
}

async function connect(at: ReturnType<typeof world>, signer: Signer, headers = {}) {
  const context = contextOf('c', at.ports.clock.now());
  const { statusCode } = await connectHandler(at.ports)({
    headers,
    multiValueHeaders: {},
    requestContext: { ...context, identity: { ...context.identity, ...signer } },
    isBase64Encoded: false,
  });
  return { statusCode, kept: (await at.ports.store.find('c'))?.connection };
}

describe('a handshake that must be signed', () => {
  test('good: the connection is its signer’s', async () => {
    const { statusCode, kept } = await connect(world(true), { accessKey: 'ASIA1' });
    expect(statusCode).toBe(200);
    expect(kept?.principal).toEqual(SENSOR);
  });

  test('its own header is taken for no token', async () => {
    const headers = { Authorization: 'AWS4-HMAC-SHA256 Credential=ASIA1/20270115/…' };
    expect((await connect(world(true), { accessKey: 'ASIA1' }, headers)).statusCode).toBe(200);
  });

  test.each<[string, Signer, object]>([
    ['of somebody unknown', { accessKey: 'AKIA2' }, {}],
    ['missing', {}, {}],
    ['missing, with a good token in its place', {}, { Authorization: 'Bearer ann' }],
  ])('%s: refused, and nothing is kept', async (_, signer, headers) => {
    const { statusCode, kept } = await connect(world(true), signer, headers);
    expect([statusCode, kept]).toEqual([401, undefined]);
  });

  test('of an access key that is banned: refused', async () => {
    const at = world(true);
    await at.ports.revocations?.ban({ tokenId: 'ASIA1' }, at.ports.clock.now() + 60_000);
    expect((await connect(at, { accessKey: 'ASIA1' })).statusCode).toBe(401);
  });

  test('where none is asked for, none counts', async () => {
    const { statusCode, kept } = await connect(world(false), { accessKey: 'ASIA1' });
    expect([statusCode, kept?.principal]).toEqual([200, undefined]);
  });
});

describe('who does not connect in time', () => {
  const task = () => 'none';
  const minute = { source: 'aws.events' };

  test('is told so and closed by the sweep of the minute after, and nobody else is', async () => {
    const at = world(false);
    const work = workHandler(task, at.ports);
    const silent = await at.client('silent', { protocol: 'v12.stomp' });
    const ann = await at.client('ann', { protocol: 'v12.stomp' });
    await ann.send(frame('CONNECT', ['accept-version:1.2', 'passcode:ann']));
    at.pass(59_000);
    await work(minute);
    expect(at.closed.size).toBe(0);
    at.pass(2_000);
    await work(minute);
    expect([...at.closed]).toEqual(['silent']);
    expect(silent.heard()).toMatch(/code:unauthenticated[\s\S]*within 60 seconds/);
    await ann.send(frame('SEND', ['destination:/topic/a', 'receipt:r'], 'x'));
    expect(ann.heard()).toContain('receipt-id:r');
  });
});
