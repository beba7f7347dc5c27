/**
 * AWS of bench/publish.ts in a process of its own, over TLS on loopback: DynamoDB's JSON protocol
 * over the metered table in memory, and the gateway's `@connections`. Tells its parent its port and
 * certificate; on any message, how many posts it has answered since the one before.
 * `publish-cloud.ts PARTITION SUBSCRIBERS`: so many rows are there for a handler of another make.
 */
import { createServer } from 'node:https';
import { selfSigned } from '../test/certificate.ts';
import { tellDynamo } from './cost/dynamodb-json.ts';
import { meteredTable } from './cost/metered-table.ts';

const [, , pk = '', subscribers = '0'] = process.argv;
const identity = selfSigned();
const table = meteredTable();
for (let n = 0; n < Number(subscribers); n++) {
  table.put({ Item: { pk, sk: `subscriber-${n}-VotXXcBEPHc=` } });
}
let posts = 0;

const server = createServer(identity, async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  const [, operation] = String(request.headers['x-amz-target'] ?? '').split('.');
  if (operation === undefined) posts += 1;
  const { status, text } = operation
    ? tellDynamo(table, operation, body)
    : { status: 200, text: '' };
  response.writeHead(status, {
    'content-type': operation ? 'application/x-amz-json-1.0' : 'application/json',
    'x-amzn-requestid': '0b4ff1a0-0d4c-4d0c-8d4b-5b0d5d3d6c11',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  process.send?.({ port, cert: identity.cert });
});
process.on('message', () => {
  process.send?.(posts);
  posts = 0;
});
process.on('disconnect', () => process.exit());
