/**
 * `@connections` through the SDK, one attempt a call. The bundler makes a file of its own of this,
 * `sdk.mjs`, which stands beside a bundle and is loaded only with `posting: 'sdk'`.
 */
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { LIMITS } from '../../broker/limits.ts';
import type { Answer, Management } from './management.ts';
import { CONNECT_MILLISECONDS_MAX, REQUEST_MILLISECONDS_MAX } from './sender.ts';

/**
 * A client as the outbox wants it: no retries of its own, kept-alive sockets, as many as there are
 * posts at once, an end to waiting. `own`: by default what the environment says.
 */
export function managementClient(
  endpoint: string,
  own: Pick<ApiGatewayManagementApiClientConfig, 'region' | 'credentials'> = {},
): ApiGatewayManagementApiClient {
  const agent = { keepAlive: true, maxSockets: LIMITS.postsAtOnceMax };
  return new ApiGatewayManagementApiClient({
    ...own,
    endpoint,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MILLISECONDS_MAX,
      requestTimeout: REQUEST_MILLISECONDS_MAX,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
}

export function sdkManagement(client: ApiGatewayManagementApiClient): Management {
  return {
    post: (ConnectionId, Data) =>
      answered(() => client.send(new PostToConnectionCommand({ ConnectionId, Data }))),
    get: (ConnectionId) => answered(() => client.send(new GetConnectionCommand({ ConnectionId }))),
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
function statusOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('$metadata' in cause)) return undefined;
  const metadata = cause.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
