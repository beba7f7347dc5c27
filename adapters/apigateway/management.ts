/**
 * API Gateway's `@connections` through the SDK, one attempt a call: what to do about a refusal is
 * decided above, where it is known how old the connection is and how much patience is left.
 */
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';

/** `status` is undefined when no answer came: a cut connection, a time-out, no such host. */
export interface Answer {
  readonly status: number | undefined;
  /** The gateway's own words; they tell the two kinds of 429 apart. */
  readonly words: string;
  /** What the SDK threw, of any status but 2xx. */
  readonly cause?: unknown;
}

/** One request and its answer; never throws. */
export interface Management {
  post(connectionId: string, payload: Uint8Array): Promise<Answer>;
  delete(connectionId: string): Promise<Answer>;
}

/** The gateway answers in tens of milliseconds; a request slower than this is lost. */
const REQUEST_MILLISECONDS_MAX = 3000;
const CONNECT_MILLISECONDS_MAX = 1000;

/** A client as the outbox wants it: no retries of its own, kept-alive sockets, an end to waiting. */
export function managementClient(endpoint: string): ApiGatewayManagementApiClient {
  return new ApiGatewayManagementApiClient({
    endpoint,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MILLISECONDS_MAX,
      requestTimeout: REQUEST_MILLISECONDS_MAX,
      throwOnRequestTimeout: true,
    },
  });
}

export function sdkManagement(client: ApiGatewayManagementApiClient): Management {
  return {
    post: (ConnectionId, Data) =>
      answered(() => client.send(new PostToConnectionCommand({ ConnectionId, Data }))),
    delete: (ConnectionId) =>
      answered(() => client.send(new DeleteConnectionCommand({ ConnectionId }))),
  };
}

async function answered(request: () => Promise<unknown>): Promise<Answer> {
  try {
    await request();
    return { status: 200, words: '' };
  } catch (cause) {
    return { status: statusOf(cause), words: cause instanceof Error ? cause.message : '', cause };
  }
}

/** Version 3 of the SDK has it in `$metadata`; there is no `statusCode`. */
export function statusOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('$metadata' in cause)) return undefined;
  const metadata = cause.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
