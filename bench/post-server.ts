/**
 * The gateway of bench/post.ts in a process of its own: TLS, kept-alive, answers every post with 200
 * as API Gateway does, after so many milliseconds. Tells its parent its port and certificate; on
 * any message, how many posts it has answered. `post-server.ts [MILLISECONDS]`.
 */
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { selfSigned } from '../test/certificate.ts';

const identity = selfSigned();
const delay = Number(process.argv[2] ?? 0);
let answered = 0;
const server = createServer(identity, (request, response) => {
  request.resume();
  request.on('end', () => {
    answered += 1;
    if (delay === 0) answer(response);
    else setTimeout(answer, delay, response);
  });
});

function answer(response: ServerResponse): void {
  response.writeHead(200, {
    'content-type': 'application/json',
    'x-amzn-requestid': '0b4ff1a0-0d4c-4d0c-8d4b-5b0d5d3d6c11',
    'x-amz-apigw-id': 'Xq1YAF2aIAMFqYQ=',
    'content-length': 0,
  });
  response.end();
}

server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.send?.({ port, cert: identity.cert });
});
process.on('message', () => process.send?.(answered));
process.on('disconnect', () => process.exit());
