import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { defaultProvider } from '../../adapters/environment-credentials.ts';
import { BUNDLED } from '../../infra/bundle-settings.ts';

const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: 'token',
  AWS_REGION: 'us-east-1',
};

const before = { ...process.env };
beforeEach(() => {
  process.env = { ...before, ...CREDENTIALS };
});
afterAll(() => {
  process.env = before;
});

test('credentials are those of the environment, read when they are asked for', async () => {
  const provider = defaultProvider();
  process.env['AWS_ACCESS_KEY_ID'] = 'LATER';
  expect(await provider()).toEqual({
    accessKeyId: 'LATER',
    secretAccessKey: 'secret',
    sessionToken: 'token',
  });
  delete process.env['AWS_SESSION_TOKEN'];
  expect(await provider()).toEqual({ accessKeyId: 'LATER', secretAccessKey: 'secret' });
});

test('an environment without credentials is a fault in words, not an unsigned request', async () => {
  delete process.env['AWS_SECRET_ACCESS_KEY'];
  await expect(defaultProvider()()).rejects.toThrow('AWS_SECRET_ACCESS_KEY');
});

/** The least that makes a client of each kind send one signed request. */
const CALLS = {
  dynamodb: `
    import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
    import { DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
    export const call = (endpoint) =>
      DynamoDBDocumentClient.from(new DynamoDBClient({ endpoint }))
        .send(new GetCommand({ TableName: 't', Key: { pk: 'p', sk: 's' } }));`,
  apigateway: `
    import { ApiGatewayManagementApiClient, PostToConnectionCommand }
      from '@aws-sdk/client-apigatewaymanagementapi';
    export const call = (endpoint) =>
      new ApiGatewayManagementApiClient({ endpoint })
        .send(new PostToConnectionCommand({ ConnectionId: 'a=', Data: Buffer.from('x') }));`,
  sqs: `
    import { SQSClient, SendMessageCommand } from '@aws-sdk/client-sqs';
    export const call = (endpoint) =>
      new SQSClient({ endpoint })
        .send(new SendMessageCommand({ QueueUrl: endpoint + '/1/q.fifo', MessageBody: '.' }));`,
};

/** Right for all three; SQS's client checks the digest of what it sent. */
const ANSWER = JSON.stringify({ MD5OfMessageBody: createHash('md5').update('.').digest('hex') });

test.each(Object.entries(CALLS))(
  'a bundle with the alias signs for %s and holds no other provider',
  async (name, contents) => {
    const folder = mkdtempSync(join(tmpdir(), 'credentials-'));
    const outfile = join(folder, `${name}.mjs`);
    const signed: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      signed.push(request.headers.authorization, String(request.headers['x-amz-security-token']));
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(ANSWER);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { metafile } = await build({
        stdin: { contents, resolveDir: process.cwd() },
        outfile,
        ...BUNDLED,
        metafile: true,
        alias: {
          '@aws-sdk/credential-provider-node': './adapters/environment-credentials.ts',
        },
      });
      const others = Object.keys(metafile.inputs).filter((path) =>
        /credential-provider-(node|sso|ini|http|imds|login|process)/.test(path),
      );
      expect(others).toEqual([]);
      const { call } = await import(pathToFileURL(outfile).href);
      const address = server.address();
      await call(`http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
      expect(signed[0]).toContain('Credential=AKIDEXAMPLE/');
      expect(signed[1]).toBe('token');
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    }
  },
);
