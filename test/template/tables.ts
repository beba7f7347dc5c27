/** DynamoDB tables, made in DynamoDB Local as the template describes them. */
import { request as httpRequest } from 'node:http';
import { TemplateFault } from './fault.ts';
import type { JsonObject } from './json.ts';
import { REGION } from './names.ts';
import type { Resolved, Stack } from './stack.ts';

/** Settings with no effect on what handlers see. */
const WITHOUT_EFFECT = [
  'TableName',
  'BillingMode',
  'DeletionProtectionEnabled',
  'OnDemandThroughput',
  'PointInTimeRecoverySpecification',
  'SSESpecification',
  'TableClass',
  'Tags',
] as const;

/** Makes every table. What DynamoDB refuses about one is a fault of its key schema. */
export async function makeTables(stack: Stack, url: string): Promise<readonly string[]> {
  const tables = stack.of('AWS::DynamoDB::Table');
  for (const table of tables) await makeTable(table, url);
  return tables.map(({ name }) => name);
}

export async function dropTables(names: readonly string[], url: string): Promise<void> {
  for (const name of names) await callDynamo(url, 'DeleteTable', { TableName: name });
}

async function makeTable({ name, properties }: Resolved, url: string): Promise<void> {
  properties.ignore(...WITHOUT_EFFECT);
  const stream = properties.object('StreamSpecification');
  const view = stream?.text('StreamViewType');
  const timeToLive = properties.object('TimeToLiveSpecification');
  const expiry = timeToLive && {
    AttributeName: timeToLive.text('AttributeName'),
    Enabled: timeToLive.maybeFlag('Enabled') ?? true,
  };
  const indexes = properties.list('GlobalSecondaryIndexes');
  const made = await callDynamo(url, 'CreateTable', {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: properties.list('AttributeDefinitions'),
    KeySchema: properties.list('KeySchema'),
    ...(indexes.length > 0 && { GlobalSecondaryIndexes: indexes }),
    ...(view && { StreamSpecification: { StreamEnabled: true, StreamViewType: view } }),
  });
  properties.done();
  if (made.status !== 200) throw new TemplateFault('key-schema', properties.where, made.body);
  if (expiry === undefined) return;
  const set = await callDynamo(url, 'UpdateTimeToLive', {
    TableName: name,
    TimeToLiveSpecification: expiry,
  });
  if (set.status !== 200) throw new TemplateFault('wrong-value', properties.where, set.body);
}

/** One call to DynamoDB Local, which takes any credential. */
export function callDynamo(
  url: string,
  operation: string,
  input: JsonObject,
  api = 'DynamoDB_20120810',
): Promise<{ readonly status: number; readonly body: string }> {
  const body = JSON.stringify(input);
  const credential = `Credential=local/20250101/${REGION}/dynamodb/aws4_request`;
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amz-target': `${api}.${operation}`,
    'x-amz-date': '20250101T000000Z',
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=0`,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 500, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
