/**
 * DynamoDB behind the endpoint: which IAM actions a call needs on which tables, and then DynamoDB
 * Local. Transactions are authorised as the actions in them (DynamoDB Developer Guide, "Using IAM
 * with transactions").
 */
import { Agent, request as httpRequest } from 'node:http';
import type { Need, Service, ServiceResponse } from './endpoint.ts';
import type { OnFault } from './fault.ts';
import { isObject, type JsonObject } from './json.ts';
import { REGION, tableArn } from './names.ts';
import type { SignedRequest } from './signature.ts';

/** Calls on one table that are authorised by their own name. */
const PLAIN: ReadonlySet<string> = new Set([
  'GetItem',
  'PutItem',
  'UpdateItem',
  'DeleteItem',
  'Query',
  'Scan',
]);

const TRANSACTED: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

/** `url` is DynamoDB Local's. Scans are refused: the broker promises none. */
export function dynamodbService(url: string, onFault: OnFault): Service {
  const agent = new Agent({ keepAlive: true });
  return {
    signingName: 'dynamodb',
    read: (request) => {
      const [version, operation = ''] = String(request.headers['x-amz-target']).split('.');
      const input: unknown = JSON.parse(Buffer.from(request.body).toString() || '{}');
      const needs = isObject(input) ? needsOf(operation, input) : undefined;
      if (version !== 'DynamoDB_20120810' || needs === undefined || needs.length === 0) {
        return failure(400, 'UnknownOperationException', `${version}.${operation} is not known`);
      }
      if (operation === 'Scan') return failure(400, 'ValidationException', 'no scans here');
      const run = async (): Promise<ServiceResponse> => {
        const response = await forward(url, request, agent);
        // A call that DynamoDB finds malformed is always a fault of ours, or of the table's.
        const said = String(response.body);
        if (response.status === 400 && /ValidationException|ResourceNotFound/.test(said)) {
          onFault('key-schema', `dynamodb:${operation}: ${said}`);
        }
        return response;
      };
      return { needs, run };
    },
    refusal: (code, message) => failure(400, code, message),
  };
}

function needsOf(operation: string, input: JsonObject): readonly Need[] | undefined {
  if (PLAIN.has(operation)) return [need(operation, input['TableName'], input['IndexName'])];
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem') {
    const tables = isObject(input['RequestItems']) ? Object.keys(input['RequestItems']) : [];
    return tables.map((table) => need(operation, table));
  }
  if (operation !== 'TransactWriteItems' && operation !== 'TransactGetItems') return undefined;
  const items = Array.isArray(input['TransactItems']) ? input['TransactItems'] : [];
  return items.flatMap((item) =>
    Object.entries(isObject(item) ? item : {}).map(([kind, one]) =>
      need(TRANSACTED[kind] ?? kind, isObject(one) ? one['TableName'] : undefined),
    ),
  );
}

function need(operation: string, table: unknown, index?: unknown): Need {
  const arn = String(table).startsWith('arn:') ? String(table) : tableArn(String(table));
  return {
    action: `dynamodb:${operation}`,
    resource: index === undefined ? arn : `${arn}/index/${String(index)}`,
  };
}

/** DynamoDB Local wants a credential and checks none. */
const LOCAL_CREDENTIAL = `AWS4-HMAC-SHA256 Credential=local/20250101/${REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=0`;

function forward(url: string, request: SignedRequest, agent: Agent): Promise<ServiceResponse> {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': request.body.length,
    'x-amz-target': String(request.headers['x-amz-target']),
    'x-amz-date': '20250101T000000Z',
    authorization: LOCAL_CREDENTIAL,
  };
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method: 'POST', headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const crc = response.headers['x-amz-crc32'];
        resolve({
          status: response.statusCode ?? 500,
          headers: {
            'content-type': 'application/x-amz-json-1.0',
            ...(typeof crc === 'string' && { 'x-amz-crc32': crc }),
          },
          body: Buffer.concat(chunks),
        });
      });
      response.on('error', reject);
    });
    // A kept-alive socket may be closed by the other side just as it is used again.
    sent.on('error', (cause) => {
      if (sent.reusedSocket) resolve(forward(url, request, agent));
      else reject(cause);
    });
    sent.end(request.body);
  });
}

function failure(status: number, code: string, message: string): ServiceResponse {
  return {
    status,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message }),
  };
}
