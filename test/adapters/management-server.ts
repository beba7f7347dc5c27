/** `@connections` on this machine, over HTTP or TLS: a fake gateway's answers in API Gateway's words. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Identity } from '../certificate.ts';
import type { FakeGateway } from '../contract/fake-gateway.ts';

export const BUFFER_FULL = 'Unable to send: the client side buffer is full';
export const OVER_RATE = 'Too Many Requests';

/** One request, answered as API Gateway words it. */
export async function play(
  gateway: FakeGateway,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = decodeURIComponent(/\/@connections\/(.*)$/.exec(request.url ?? '')?.[1] ?? '');
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const removed = request.method === 'DELETE';
  const answer = removed ? gateway.remove(id) : gateway.answer(id, Buffer.concat(chunks));
  if (answer === 'cut') request.socket.destroy();
  else if (answer === 'rate') response.writeHead(429).end(JSON.stringify({ message: OVER_RATE }));
  else if (answer === 'buffer') {
    response.writeHead(429).end(JSON.stringify({ message: BUFFER_FULL }));
  } else response.writeHead(answer).end();
}

export interface Served {
  /** The stage's callback URL. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** With an identity it speaks TLS, as `localhost`. */
export async function serve(handler: RequestListener, identity?: Identity): Promise<Served> {
  const server = identity ? createTlsServer(identity, handler) : createServer(handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    endpoint: identity ? `https://localhost:${port}/ws` : `http://127.0.0.1:${port}/ws`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
