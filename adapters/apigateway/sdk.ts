/**
 * `@connections` through the SDK, one attempt a call. The bundler makes a file of its own of this,
 * `sdk.mjs`, which stands beside a bundle and is loaded only with `posting: 'sdk'`. The limits on
 * time are ours: the SDK's own begin before there is a connection to use, and run on while the
 * process has no time to look whether anything has come.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import {
  ApiGatewayManagementApiClient,
  type ApiGatewayManagementApiClientConfig,
  DeleteConnectionCommand,
  GetConnectionCommand,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Timer } from '../../broker/ports.ts';
import { systemTimer } from '../system.ts';
import type { Answer, Management } from './management.ts';
import { CONNECT_MILLISECONDS_MAX, REQUEST_MILLISECONDS_MAX } from './sender.ts';
import { makeSlots } from './slots.ts';

/** Connections at once, as many as the SDK keeps itself: its CPU is used up well before they are. */
const SOCKETS_MAX = 50;

export interface ManagementClientOptions
  extends Pick<ApiGatewayManagementApiClientConfig, 'region' | 'credentials'> {
  /** @default the machine's */
  readonly timer?: Timer;
  /** @default CONNECT_MILLISECONDS_MAX */
  readonly connectMilliseconds?: number;
}

/**
 * A client as the outbox wants it: no retries of its own, kept-alive sockets, an end to waiting for
 * one. Region and credentials are by default what the environment says.
 */
export function managementClient(
  endpoint: string,
  {
    timer = systemTimer,
    connectMilliseconds = CONNECT_MILLISECONDS_MAX,
    ...own
  }: ManagementClientOptions = {},
): ApiGatewayManagementApiClient {
  const kept = { keepAlive: true, maxSockets: SOCKETS_MAX };
  const limit = { timer, milliseconds: connectMilliseconds };
  return new ApiGatewayManagementApiClient({
    ...own,
    endpoint,
    maxAttempts: 1,
    requestHandler: {
      httpAgent: limited(new HttpAgent(kept), limit),
      httpsAgent: limited(new HttpsAgent(kept), limit),
    },
  });
}

/** The agent, whose connections are open in time or given up. */
function limited<Of extends HttpAgent>(
  agent: Of,
  { timer, milliseconds }: { readonly timer: Timer; readonly milliseconds: number },
): Of {
  const open = agent.createConnection.bind(agent);
  agent.createConnection = (...by) => {
    const socket = open(...by);
    const cancel = timer.after(milliseconds, () => {
      socket?.destroy(new Error(`No connection within ${milliseconds} ms`));
    });
    return socket?.once('connect', cancel).once('close', cancel);
  };
  return agent;
}

export interface SdkManagementOptions {
  /** @default the machine's */
  readonly timer?: Timer;
  /** @default REQUEST_MILLISECONDS_MAX */
  readonly requestMilliseconds?: number;
}

/** No more requests at once than there are connections: none waits for one while its time runs. */
export function sdkManagement(
  client: ApiGatewayManagementApiClient,
  {
    timer = systemTimer,
    requestMilliseconds = REQUEST_MILLISECONDS_MAX,
  }: SdkManagementOptions = {},
): Management {
  const slot = makeSlots(SOCKETS_MAX);
  const answered = (request: (of: Call) => Promise<unknown>): Promise<Answer> =>
    slot(async () => {
      const late = new AbortController();
      const cancel = timer.after(requestMilliseconds, () => {
        late.abort(new Error(`No answer within ${requestMilliseconds} ms`));
      });
      try {
        await request({ abortSignal: late.signal });
        return { status: 200, words: '' };
      } catch (fault) {
        const cause: unknown = late.signal.aborted ? late.signal.reason : fault;
        const words = cause instanceof Error ? cause.message : '';
        return { status: statusOf(cause), words, cause };
      } finally {
        cancel();
      }
    });
  return {
    post: (ConnectionId, Data) =>
      answered((of) => client.send(new PostToConnectionCommand({ ConnectionId, Data }), of)),
    get: (ConnectionId) =>
      answered((of) => client.send(new GetConnectionCommand({ ConnectionId }), of)),
    delete: (ConnectionId) =>
      answered((of) => client.send(new DeleteConnectionCommand({ ConnectionId }), of)),
  };
}

interface Call {
  readonly abortSignal: AbortSignal;
}

/** Version 3 of the SDK has it in `$metadata`; there is no `statusCode`. */
function statusOf(cause: unknown): number | undefined {
  if (typeof cause !== 'object' || cause === null || !('$metadata' in cause)) return undefined;
  const metadata = cause.$metadata;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (!('httpStatusCode' in metadata)) return undefined;
  return typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : undefined;
}
