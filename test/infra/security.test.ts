/** The `security` prop: checked at synth, with the rights it takes and no more. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CfnParameter, Duration } from 'aws-cdk-lib';
import { Code, Function as Lambda, Runtime } from 'aws-cdk-lib/aws-lambda';
import { type SecurityProps, shipmentOf } from '../../infra/security.ts';
import { readSettingsFile } from '../../infra/settings-file.ts';
import { resources, synthesize } from './synthesized.ts';

const POOL = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x';
const SECURITY: SecurityProps = {
  identity: {
    tokens: [{ algorithms: ['RS256'], jwksUrl: `${POOL}/.well-known/jwks.json`, issuer: POOL }],
  },
  permissions: [{ pattern: '/room/{room}', actions: ['subscribe', 'publish'] }],
};

test('with identity nobody is warned of an open broker', () => {
  expect(JSON.stringify(synthesize({}).broker.node.metadata)).toContain('No identity');
  expect(JSON.stringify(synthesize({ security: SECURITY }).broker.node.metadata)).not.toContain(
    'No identity',
  );
});

test('every function reads bans and notes who is there; work may end connections', () => {
  const { template } = synthesize({ security: SECURITY });
  const roles = resources(template, 'AWS::IAM::Policy');
  const of = (name: string) =>
    JSON.stringify(roles.find(({ id }) => id.includes(`${name}Role`))?.properties ?? {});
  for (const name of ['Connect', 'Disconnect', 'Message', 'Dead', 'Deliver', 'Work']) {
    expect(of(name)).toContain('dynamodb:BatchWriteItem');
    expect(of(name)).toContain('dynamodb:Query');
  }
  expect(of('Work')).toContain('DELETE/@connections');
  const { template: open } = synthesize({});
  const plain = JSON.stringify(
    resources(open, 'AWS::IAM::Policy').find(({ id }) => id.includes('ConnectRole')),
  );
  expect(plain).not.toContain('BatchWriteItem');
});

test.each<[words: string, props: object]>([
  ['identity needs tokens, keys, a hook or iam', { identity: {} }],
  ['unknown key "tokenz"', { identity: { tokenz: [] } }],
  [
    'secretVariable is for npm start alone',
    { identity: { tokens: [{ algorithms: ['HS256'], secretVariable: 'X' }] } },
  ],
  ['needs exactly one of', { identity: { tokens: [{ algorithms: ['HS256'] }] } }],
  ['identity.iam must be true or false', { identity: { iam: 'yes' } }],
  [
    'permissions[0].pattern',
    { ...SECURITY, permissions: [{ pattern: '/x', actions: ['publish'] }] },
  ],
  ['origins[0] must be an origin', { ...SECURITY, origins: ['app.example'] }],
  ['administration.keys[0]', { ...SECURITY, administration: { keys: ['secret'] } }],
])('%s: a mistake fails the synthesis in words', (words, props) => {
  expect(() => shipmentOf(props as SecurityProps)).toThrow(words);
});

test('what is not known at synth cannot be shipped as a file', () => {
  expect(() =>
    synthesize((stack) => {
      const issuer = new CfnParameter(stack, 'Issuer').valueAsString;
      const keys = [{ algorithms: ['RS256'] as const, jwksUrl: `${POOL}/keys`, issuer }];
      return { security: { identity: { tokens: keys } } };
    }),
  ).toThrow('must be known at synth');
});

test('the file of npm start brings its identities along, or is refused in words', () => {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-security-'));
  const file = join(folder, 'stompway.json');
  const read = (json: object) => {
    writeFileSync(file, JSON.stringify(json));
    return readSettingsFile(file);
  };
  try {
    expect(read({ rules: [{ pattern: '/room/*' }], ...SECURITY })).toEqual({
      rules: [{ pattern: '/room/*' }],
      security: SECURITY,
    });
    expect(read({ ...SECURITY })).toEqual({ rules: [], security: SECURITY });
    const socketio = { namespaces: ['/admin'] };
    expect(read({ socketio })).toEqual({ rules: [], socketio });
    expect(() => read({ socketio: { namespaces: ['admin'] } })).toThrow('socketio.namespaces');
    expect(read({ rules: [] }).security).toBeUndefined();
    expect(read([])).toEqual({ rules: [] });
    expect(() => read({ rules: [], ...SECURITY, applications: [] })).toThrow('npm start alone');
    expect(() => read({ identity: { hook: './x.mjs' } })).toThrow('give the construct a Lambda');
    const tokens = [{ algorithms: ['HS256'], secretVariable: 'X' }];
    expect(() => read({ identity: { tokens } })).toThrow('give the construct a secret');
    expect(() => read({ rules: [], origins: [] })).toThrow('security needs identity');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('Lambdas of one’s own are named to those who hear clients, who alone may invoke them', () => {
  const { template } = synthesize((stack) => {
    const handler = new Lambda(stack, 'Orders', {
      runtime: Runtime.NODEJS_24_X,
      handler: 'index.handler',
      code: Code.fromInline('exports.handler = async () => ({})'),
    });
    const timeout = Duration.seconds(2);
    return { http: true, applications: [{ pattern: '/app/orders.**', handler, timeout }] };
  });
  const asking = resources(template, 'AWS::Lambda::Function')
    .filter(({ properties }) => JSON.stringify(properties).includes('APPLICATIONS'))
    .map(({ id }) => id);
  expect(asking).toHaveLength(2);
  const invoking = resources(template, 'AWS::IAM::Policy')
    .filter(({ properties }) => JSON.stringify(properties).includes('lambda:InvokeFunction'))
    .map(({ id }) => id);
  expect(invoking.join()).toMatch(/Message.*Http|Http.*Message/);
  expect(invoking).toHaveLength(2);
});
