/**
 * One contender of bench/post.ts in a process of its own, bundled as a handler is. Told how many,
 * it posts that many and answers with the CPU microseconds it took per post, user and system, and
 * with the milliseconds that all of them took. `node post-client.mjs KIND ENDPOINT [IN-FLIGHT]`.
 */
import { connect } from 'node:tls';
import { fastManagement } from '../adapters/apigateway/fast.ts';
import { httpsSender } from '../adapters/apigateway/https-sender.ts';
import type { Management } from '../adapters/apigateway/management.ts';
import { gatewayOutbox } from '../adapters/apigateway/outbox.ts';
import { managementClient, sdkManagement } from '../adapters/apigateway/sdk.ts';
import type { Sender } from '../adapters/apigateway/sender.ts';
import { socketSender } from '../adapters/apigateway/socket-sender.ts';
import { defaultProvider, environmentRegion } from '../adapters/environment-credentials.ts';
import { systemClock, systemTimer } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Delivery } from '../broker/ports.ts';

const BODY_BYTES = 400;
const [, , kind = '', endpoint = '', inFlight = '50'] = process.argv;
const IN_FLIGHT = Number(inFlight);
const at = { clock: systemClock, timer: systemTimer };
const options = { ...at, endpoint, socketsMax: IN_FLIGHT };

type Post = (deliveries: readonly Delivery[]) => Promise<void>;

const post: Post = kind === 'bare' ? await bare() : through(await management());
process.on('message', async (count: number) => {
  const all = deliveries(count);
  const before = process.cpuUsage();
  const began = performance.now();
  await post(all);
  const { user, system } = process.cpuUsage(before);
  process.send?.({
    microseconds: (user + system) / count,
    milliseconds: performance.now() - began,
  });
});
process.on('disconnect', () => process.exit());
process.send?.('ready');

function deliveries(count: number): Delivery[] {
  return Array.from({ length: count }, (_, n) => {
    const connectionId = `${Buffer.from(`connection${n}`).toString('base64').slice(0, 15)}=`;
    return { connectionId, connectedAt: 0, posts: [Buffer.alloc(BODY_BYTES, connectionId)] };
  });
}

function through(management: Management): Post {
  const log = { info() {}, warn() {}, error: console.error };
  const outbox = gatewayOutbox({
    ...at,
    management,
    limits: { ...LIMITS, postsAtOnceMax: IN_FLIGHT },
    log,
  });
  return async (all) => {
    const refused = (await outbox.post(all)).filter((outcome) => outcome !== 'sent');
    if (refused.length > 0) throw new Error(`${refused.length} posts were refused`);
  };
}

async function management(): Promise<Management> {
  if (kind.startsWith('sdk')) return sdkManagement(managementClient(endpoint));
  const senders: Readonly<Record<string, () => Promise<Sender>>> = {
    https: async () => httpsSender(options),
    sockets: async () => socketSender(options),
    undici,
  };
  const sender = await senders[kind]?.();
  if (sender === undefined) throw new Error(`No such contender: ${kind}`);
  const own = { region: environmentRegion(), credentials: defaultProvider() };
  return fastManagement({ ...own, endpoint, sender, clock: systemClock });
}

/** No dependency of this package: measured where it is installed. */
async function undici(): Promise<Sender> {
  const name = 'undici';
  const { Pool } = await import(name);
  const pool = new Pool(new URL(endpoint).origin, { connections: IN_FLIGHT });
  return {
    async send({ path, headers, authorization }, body) {
      const all = [...headers.flat(), 'authorization', authorization];
      const sent = { path, method: 'POST', headers: all, body };
      const answer = await pool.request(sent);
      return {
        status: answer.statusCode,
        errorType: String(answer.headers['x-amzn-errortype'] ?? ''),
        body: Buffer.from(await answer.body.arrayBuffer()),
      };
    },
    close: () => pool.close(),
  };
}

/** What no client can beat: a fixed head, nothing signed, an answer taken for whole when it comes. */
async function bare(): Promise<Post> {
  const { hostname, port, pathname, host } = new URL(endpoint);
  const head = `POST ${pathname}/@connections/ HTTP/1.1\r\nhost: ${host}\r\nx-amz-security-token: ${process.env['AWS_SESSION_TOKEN']}\r\ncontent-length: ${BODY_BYTES}\r\n\r\n`;
  const open = () => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname });
    return socket.setNoDelay(true);
  };
  const sockets = Array.from({ length: IN_FLIGHT }, open);
  return (all) =>
    new Promise((resolve) => {
      let next = 0;
      let answered = 0;
      for (const socket of sockets) {
        const send = (): void => {
          const body = all[next++]?.posts[0];
          if (body !== undefined) socket.write(Buffer.concat([Buffer.from(head), body]));
        };
        socket.removeAllListeners('data').on('data', () => {
          answered += 1;
          if (answered === all.length) resolve();
          else send();
        });
        send();
      }
    });
}
