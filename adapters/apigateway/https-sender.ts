/** The sender on Node's own `node:https`: the measure of what the leaner one must do as well. */
import http from 'node:http';
import https from 'node:https';
import { RESPONSE_BYTES_MAX } from './response.ts';
import {
  IDLE_MILLISECONDS_MAX,
  REQUEST_MILLISECONDS_MAX,
  type Sender,
  type SenderAnswer,
  type SenderOptions,
} from './sender.ts';
import type { SignedRequest } from './signature.ts';

export function httpsSender({
  endpoint,
  timer,
  socketsMax,
  ca,
  requestMilliseconds = REQUEST_MILLISECONDS_MAX,
}: SenderOptions): Sender {
  const { protocol, hostname, port } = new URL(endpoint);
  const { Agent, request } = protocol === 'http:' ? http : https;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: socketsMax,
    maxFreeSockets: socketsMax,
    scheduling: 'lifo',
    timeout: IDLE_MILLISECONDS_MAX,
  });
  const target = { hostname, port, ...(ca === undefined ? {} : { ca }) };

  return {
    async send(post, body) {
      const first = await once(post, body, agent);
      if (first !== 'stale') return first;
      const second = await once(post, body, false);
      if (second !== 'stale') return second;
      throw new Error('A new connection was closed');
    },
    close: () => agent.destroy(),
  };

  function once(
    post: SignedRequest,
    body: Uint8Array,
    over: http.Agent | false,
  ): Promise<SenderAnswer | 'stale'> {
    return new Promise((resolve, reject) => {
      const headers = {
        ...Object.fromEntries(post.headers),
        authorization: post.authorization,
        'content-length': body.length,
      };
      const outgoing = request({
        ...target,
        path: post.path,
        method: post.method,
        headers,
        agent: over,
      });
      const cancel = timer.after(requestMilliseconds, () => {
        outgoing.destroy(new Error(`No answer within ${requestMilliseconds} ms`));
      });
      const settle = (finish: () => void): void => {
        cancel();
        finish();
      };
      outgoing.on('response', (response) => {
        collect(
          response,
          (answer) => settle(() => resolve(answer)),
          (cause) => settle(() => reject(cause)),
        );
      });
      outgoing.on('error', (cause) => {
        settle(() => (outgoing.reusedSocket && isReset(cause) ? resolve('stale') : reject(cause)));
      });
      outgoing.end(body);
    });
  }
}

function isReset(cause: unknown): boolean {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return false;
  return cause.code === 'ECONNRESET' || cause.code === 'EPIPE';
}

function collect(
  response: http.IncomingMessage,
  resolve: (answer: SenderAnswer) => void,
  reject: (cause: unknown) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > RESPONSE_BYTES_MAX) response.destroy(new Error('The answer is too long'));
  });
  response.on('error', reject);
  response.on('end', () => {
    const errorType = response.headers['x-amzn-errortype'];
    resolve({
      status: response.statusCode ?? 0,
      errorType: typeof errorType === 'string' ? errorType : '',
      body: Buffer.concat(chunks),
    });
  });
}
