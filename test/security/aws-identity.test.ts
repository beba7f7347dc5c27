/** Who clients are, on AWS: secrets of services, signed handshakes, the operator's own Lambda. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { hookOf } from '../../adapters/identity/hook.ts';
import { secretFetcher } from '../../adapters/identity/secret-services.ts';
import { secretReader } from '../../adapters/identity/secrets.ts';
import { ship } from '../../adapters/identity/shipped.ts';
import { signerOf } from '../../adapters/identity/signers.ts';
import { systemClock, systemTimer } from '../../adapters/system.ts';
import { parseIdentity } from '../../broker/identity-settings.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Credentials } from '../../broker/ports.ts';
import { openSecurity } from '../../local/security.ts';

const SECRET = 'a secret of more than thirty-two octets';
const ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:chat-AbCdEf';
const PARAMETER = 'arn:aws:ssm:eu-west-1:123456789012:parameter/chat';
const TOKENS = [{ algorithms: ['HS256'], secretVariable: 'TOKEN_SECRET_0' }];

const token = (secret = SECRET) =>
  new SignJWT({ sub: 'ann', exp: Math.floor(Date.now() / 1000) + 60 })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(Buffer.from(secret));

interface Shipping {
  readonly json?: object;
  readonly variables?: Readonly<Record<string, string>>;
  readonly invoke?: (name: string, request: Credentials) => Promise<unknown>;
}

function shipped({ json = { identity: { tokens: TOKENS } }, variables = {}, invoke }: Shipping) {
  const logged: string[] = [];
  const log = {
    info: () => undefined,
    warn: (event: string, fields?: object) =>
      void logged.push(`${event} ${JSON.stringify(fields)}`),
    error: (event: string, cause: unknown) => void logged.push(`${event} ${String(cause)}`),
  };
  const { identity } = ship(json, {
    clock: systemClock,
    timer: systemTimer,
    limits: LIMITS,
    log,
    variables,
    fetchSecret: secretFetcher(variables),
    invoke: invoke ?? (() => Promise.reject(new Error('nobody is asked'))),
  });
  if (identity === undefined) throw new Error('no identity');
  return { identity, logged };
}

/** Stands for both services; `answer` is what they say. */
async function service(answer: (body: string, request: IncomingMessage) => [number, string]) {
  const asked: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    asked.push(request);
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      const [status, text] = answer(body, request);
      response.writeHead(status).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const own = {
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
    AWS_ACCESS_KEY_ID: 'AKID',
    AWS_SECRET_ACCESS_KEY: 'shh',
  };
  return { asked, own, close: () => new Promise((resolve) => server.close(resolve)) };
}

describe('a shared secret', () => {
  test.each([
    [ARN, 'secretsmanager', 'secretsmanager.GetSecretValue', { SecretString: SECRET }],
    [PARAMETER, 'ssm', 'AmazonSSM.GetParameter', { Parameter: { Value: SECRET } }],
  ])(
    'of %s is read when the first token comes, signed, and once',
    async (arn, name, target, is) => {
      const bodies: string[] = [];
      const { asked, own, close } = await service((body) => {
        bodies.push(body);
        return [200, JSON.stringify(is)];
      });
      try {
        const { identity, logged } = shipped({ variables: { ...own, TOKEN_SECRET_0: arn } });
        expect(asked).toHaveLength(0);
        for (let n = 0; n < 3; n++) {
          expect(await identity.authenticate({ token: await token() })).toMatchObject({
            user: 'ann',
          });
        }
        expect(await identity.authenticate({ token: await token('f'.repeat(40)) })).toBe('refused');
        expect(asked).toHaveLength(1);
        expect(asked[0]?.headers['x-amz-target']).toBe(target);
        expect(asked[0]?.headers['authorization']).toContain(`/eu-west-1/${name}/aws4_request`);
        expect(bodies[0]).toContain(arn);
        expect(logged).toEqual([]);
      } finally {
        await close();
      }
    },
  );

  test.each<[string, number, string]>([
    ['may not be read', 400, '{"__type":"AccessDeniedException","Message":"no"}'],
    ['is too short', 200, '{"SecretString":"short"}'],
    ['is no text', 200, '{"SecretBinary":"AAAA"}'],
    ['is answered by nonsense', 200, 'x'],
    ['is answered bare', 200, 'short"'],
  ])('that %s lets nobody in, is logged, and is no secret in the log', async (_, status, text) => {
    const { own, close } = await service(() => [status, text]);
    try {
      const { identity, logged } = shipped({ variables: { ...own, TOKEN_SECRET_0: ARN } });
      expect(await identity.authenticate({ token: await token() })).toBe('refused');
      expect(logged).toHaveLength(1);
      expect(logged[0]).toContain('identity-failed');
      expect(logged[0]).not.toContain('short"');
    } finally {
      await close();
    }
  });

  test('is read anew after ten minutes; if that fails the last one counts', async () => {
    let now = 0;
    const told: (string | Error)[] = ['one', 'two', new Error('throttled'), 'three'];
    const read = secretReader(ARN, { now: () => now }, async () => {
      const next = told.shift();
      if (typeof next === 'string') return next;
      throw next;
    });
    const text = async () => Buffer.from(await read()).toString();
    expect([await text(), await text()]).toEqual(['one', 'one']);
    now += 600_000;
    expect([await text(), await text()]).toEqual(['two', 'two']);
    now += 600_000;
    expect(await text()).toBe('two');
    now += 600_000;
    expect(await text()).toBe('three');
  });

  test('that could not be read at first is asked for again by the next token', async () => {
    let fails = true;
    const read = secretReader(ARN, { now: () => 0 }, async () => {
      if (fails) throw new Error('not yet');
      return 'there';
    });
    await expect(read()).rejects.toThrow('not yet');
    fails = false;
    expect(Buffer.from(await read()).toString()).toBe('there');
  });
});

describe('a signed handshake', () => {
  const ROLE = 'arn:aws:sts::123456789012:assumed-role/Sensors/i-0abc';
  test.each([
    ['a role and its session', { userArn: ROLE }, 'Sensors:i-0abc'],
    ['an IAM user', { userArn: 'arn:aws:iam::123456789012:user/team/ann' }, 'ann'],
    [
      'an identity of a pool',
      { userArn: ROLE, cognitoIdentityId: 'eu-west-1:0a-1b' },
      'eu-west-1:0a-1b',
    ],
    ['another partition', { userArn: 'arn:aws-cn:iam::123456789012:user/bob' }, 'bob'],
  ])('%s has a name', (_, signer, user) => {
    expect(signerOf(signer)?.user).toBe(user);
  });

  test.each([
    ['nobody', {}],
    ['null', { userArn: null, cognitoIdentityId: null }],
    ['the root of an account', { userArn: 'arn:aws:iam::123456789012:root' }],
    ['a role without a session', { userArn: 'arn:aws:sts::123456789012:assumed-role/Sensors/' }],
    ['a federated user', { userArn: 'arn:aws:sts::123456789012:federated-user/ann' }],
    ['another service', { userArn: 'arn:aws:s3::123456789012:user/ann' }],
  ])('%s has none', (_, signer) => {
    expect(signerOf(signer)).toBeUndefined();
  });

  test('its role is a claim for permissions, and its access key can be banned', async () => {
    const { identity } = shipped({
      json: {
        identity: { iam: true },
        permissions: [
          { pattern: '/queue/readings', actions: ['publish'], claims: { role: 'Sensors' } },
          { pattern: '/user/{sub}/**', actions: ['publish'] },
        ],
      },
    });
    expect(identity.signed?.({ userArn: ROLE, accessKey: 'ASIA1' })).toMatchObject({
      user: 'Sensors:i-0abc',
      tokenId: 'ASIA1',
      grants: [
        { pattern: '/queue/readings', actions: ['publish'] },
        { pattern: '/user/Sensors:i-0abc/**', actions: ['publish'] },
      ],
    });
    expect(identity.signed?.({})).toBe('refused');
    expect(await identity.authenticate({ token: await token() })).toBe('refused');
  });

  test('on one machine, where nobody checks signatures, it fails the start in words', async () => {
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const identity = parseIdentity({ iam: true }, []);
    await expect(openSecurity({ identity }, { log, limits: LIMITS })).rejects.toThrow(
      'identity.iam is for AWS',
    );
  });

  test('where nobody asked for signatures none is believed', () => {
    expect(shipped({ variables: { TOKEN_SECRET_0: SECRET } }).identity.signed).toBeUndefined();
  });
});

describe('the operator’s own Lambda', () => {
  const json = { identity: { hook: 'IDENTITY_HOOK' } };
  const variables = { IDENTITY_HOOK: 'arn:aws:lambda:eu-west-1:123456789012:function:who' };

  test('is told the token and what came with it, and its word counts', async () => {
    const asked: unknown[] = [];
    const { identity } = shipped({
      json,
      variables,
      invoke: async (name, request) => {
        asked.push(name, request);
        return { user: 'ann', grants: [{ pattern: '/topic/a', actions: ['publish'] }] };
      },
    });
    const arrival = { event: 'handshake' as const, headers: { a: 'b' }, query: { c: 'd' } };
    expect(await identity.authenticate({ token: 't', login: 'l', arrival })).toMatchObject({
      user: 'ann',
      grants: [{ pattern: '/topic/a', actions: ['publish'] }],
    });
    expect(asked).toEqual([variables.IDENTITY_HOOK, { token: 't', login: 'l', arrival }]);
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'ann'],
    ['nobody’s name', {}],
    ['a number for a name', { user: 7 }],
    ['a name of others', { user: 'a/b' }],
    ['an end that is a text', { user: 'ann', expiresAt: 'tomorrow' }],
    ['an end that is no number', { user: 'ann', expiresAt: Number.NaN }],
    ['an end that is past', { user: 'ann', expiresAt: 1 }],
    ['claims that are a text', { user: 'ann', claims: 'all' }],
    ['grants that are none', { user: 'ann', grants: [{ pattern: '/x' }] }],
    [
      'grants for whatever is claimed',
      { user: 'ann', grants: [{ pattern: '/room/{r}', actions: ['publish'] }] },
    ],
  ])('that answers %s lets nobody in', async (_, answer) => {
    const { identity } = shipped({ json, variables, invoke: async () => answer });
    expect(await identity.authenticate({ token: 't' })).toMatch(/refused|expired/);
  });

  test('that throws lets nobody in, and is logged', async () => {
    const { identity, logged } = shipped({ json, variables });
    expect(await identity.authenticate({ token: 't' })).toBe('refused');
    expect(logged).toEqual([expect.stringContaining('identity-failed Error: nobody is asked')]);
  });

  test('that is not named lets nobody in', async () => {
    const { identity, logged } = shipped({ json });
    expect(await identity.authenticate({ token: 't' })).toBe('refused');
    expect(logged[0]).toContain('IDENTITY_HOOK');
  });

  test('that never answers is given up', async () => {
    const waits: number[] = [];
    const timer = {
      sleep: () => Promise.resolve(),
      after: (milliseconds: number, act: () => void) => {
        waits.push(milliseconds);
        setImmediate(act);
        return () => undefined;
      },
    };
    const hook = hookOf(() => new Promise(() => undefined), { timer, limits: LIMITS });
    await expect(hook({ token: 't' })).rejects.toThrow('did not answer');
    expect(waits).toEqual([5000]);
  });

  test('is not asked for a token that a key already opens', async () => {
    const { identity } = shipped({
      json: {
        identity: {
          hook: 'IDENTITY_HOOK',
          keys: [
            {
              // printf %s key | sha256sum
              sha256: '2c70e12b7a0646f92279f427c7b38e7334d8e5389cff167a1dc30e73f826b683',
              user: 'sensor',
            },
          ],
        },
      },
      variables,
    });
    expect(await identity.authenticate({ token: 'key' })).toMatchObject({ user: 'sensor' });
  });
});
