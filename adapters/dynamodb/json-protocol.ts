/**
 * DynamoDB's protocol for its client in the bundles (infra/thin-sdk.ts), where it stands in for the
 * SDK's own, which is written by schemas of every operation there is. What DynamoDB takes and gives
 * is JSON as the commands have it but for octets, which travel as base64: so no schema is needed.
 * Attempts, signatures, endpoints and credentials stay the SDK's. A test holds requests, outcomes
 * and faults against the whole client's.
 */
import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  DynamoDBServiceException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';

interface Endpoint {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
}

interface RequestParts extends Endpoint {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** What the SDK hands over beside an operation. */
interface Sending {
  endpoint(): Promise<Endpoint>;
}

interface Receiving {
  streamCollector(body: unknown): Promise<Uint8Array>;
}

interface Response {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

type Input = Readonly<Record<string, unknown>>;

/** `HttpRequest`: the SDK's class of that name. */
export function dynamoProtocol<Request>(HttpRequest: new (parts: RequestParts) => Request) {
  return class {
    /** It asks for nothing of the client's settings. */
    setSerdeContext(): void {}

    async serializeRequest(
      { name }: { readonly name: string },
      input: Input,
      { endpoint }: Sending,
    ): Promise<Request> {
      const { protocol, hostname, port, path } = await endpoint();
      return new HttpRequest({
        method: 'POST',
        protocol,
        hostname,
        ...(port === undefined ? {} : { port }),
        path,
        headers: {
          'content-type': 'application/x-amz-json-1.0',
          'x-amz-target': `DynamoDB_20120810.${name}`,
        },
        body: written(once(name, input)),
      });
    }

    async deserializeResponse(_: unknown, { streamCollector }: Receiving, response: Response) {
      const { statusCode, headers, body } = response;
      const answer = read(Buffer.from(await streamCollector(body)).toString());
      const requestId = headers['x-amzn-requestid'];
      const $metadata = { httpStatusCode: statusCode, ...(requestId && { requestId }) };
      if (statusCode >= 300) throw fault(answer, headers, $metadata);
      return { ...answer, $metadata };
    }
  };
}

/** A transaction that is tried again is the same one: by this DynamoDB knows it. */
function once(operation: string, input: Input): Input {
  if (operation !== 'TransactWriteItems') return input;
  return { ...input, ClientRequestToken: input['ClientRequestToken'] ?? randomUUID() };
}

function written(input: Input): string {
  return JSON.stringify(input, function (this: Input, name, value: unknown) {
    // A Buffer has become JSON of its own by the time it comes here.
    const octets = this[name];
    return octets instanceof Uint8Array ? base64(octets) : value;
  });
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function read(text: string): Input {
  if (text === '') return {};
  // Of what DynamoDB answers only octets are a text, or texts, under these names.
  return Object(JSON.parse(text, /"BS?":/.test(text) ? withOctets : undefined));
}

function withOctets(name: string, value: unknown): unknown {
  if (name === 'B' && typeof value === 'string') return octetsOf(value);
  if (name !== 'BS' || !Array.isArray(value)) return value;
  return value.map((one: unknown) => (typeof one === 'string' ? octetsOf(one) : one));
}

function octetsOf(text: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'base64');
  return new Uint8Array(buffer, byteOffset, byteLength);
}

type Metadata = ConditionalCheckFailedException['$metadata'];

/** By the name DynamoDB gives it; of a class of its own where that is asked for. */
function fault(answer: Input, headers: Response['headers'], $metadata: Metadata) {
  const { __type, message, Message, ...more } = answer;
  const told = String(__type ?? headers['x-amzn-errortype'] ?? 'Unknown');
  const name = told.split(/[,:]/)[0]?.split('#').at(-1) ?? told;
  const $fault = ($metadata.httpStatusCode ?? 0) < 500 ? ('client' as const) : ('server' as const);
  const options = { $metadata, message: String(message ?? Message ?? 'UnknownError') };
  return Object.assign(failed(name, $fault, options), more);
}

function failed(
  name: string,
  $fault: 'client' | 'server',
  options: { readonly $metadata: Metadata; readonly message: string },
): DynamoDBServiceException {
  if (name === 'ConditionalCheckFailedException') {
    return new ConditionalCheckFailedException(options);
  }
  if (name === 'TransactionCanceledException') return new TransactionCanceledException(options);
  return new DynamoDBServiceException({ ...options, name, $fault });
}
