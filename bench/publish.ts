/**
 * A first publish: a new process imports a handler's bundle and handles one event, which is a
 * message to SUBSCRIBERS. Ours is `message` with a SEND to a topic, from the queue; beside it the
 * SDK alone (publish-sample.ts). DynamoDB and the gateway answer at once, over TLS, from another
 * process (publish-cloud.ts), so that what is measured is what the handler's process takes.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { keepTo } from './post-process.ts';

export const SUBSCRIBERS = 100;
const SAMPLE_TOPIC = 'sample';
const TOPIC = '/topic/orders.eu';
const BODY = 'x'.repeat(256);
/** As many as the queue hands over at once. */
const BATCH = 10;
const here = fileURLToPath(new URL('.', import.meta.url));

/** Milliseconds. */
export interface Load {
  readonly cpu: number;
  readonly wall: number;
}

export interface Publishing {
  /** One import and one publish by a process of its own. Throws unless each had exactly one post. */
  publish(by: 'message' | 'sample'): Promise<Load>;
  close(): void;
}

/** By path: bundles of `connect` and `message`, and of publish-sample.ts. */
export interface Bundles {
  readonly connect: string;
  readonly message: string;
  readonly sample: string;
}

interface Cloud {
  readonly child: ChildProcess;
  readonly environment: NodeJS.ProcessEnv;
}

/** With everybody connected and subscribed, by the same bundles. */
export async function openPublishing(bundles: Bundles): Promise<Publishing> {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-publish-'));
  const { child, environment } = await openCloud(join(folder, 'ca.pem'));
  const run = (name: keyof typeof HANDLERS, events: readonly object[]) =>
    handled(bundles[name], HANDLERS[name], events, environment);
  const ids = ['sender', ...Array.from({ length: SUBSCRIBERS }, (_, n) => subscriber(n))];
  run('connect', ids.map(connecting));
  const subscribe = `SUBSCRIBE\nid:0\ndestination:${TOPIC}\n\n\0`;
  // Few at a time: what a client said more than seconds ago is refused (broker/limits.ts).
  for (let at = 0; at < ids.length; at += BATCH) {
    const some = ids.slice(at, at + BATCH);
    run(
      'message',
      some.map((id) => queued(id, [CONNECT, ...(id === 'sender' ? [] : [subscribe])])),
    );
  }
  await postsSince(child);
  let sent = 0;
  return {
    async publish(by) {
      const stomp = `SEND\ndestination:${TOPIC}\ncontent-length:${BODY.length}\n\n${BODY}\0`;
      const body = JSON.stringify({ topic: SAMPLE_TOPIC, text: BODY });
      const load = run(by, [by === 'message' ? queued('sender', [stomp], ++sent) : { body }]);
      const posts = await postsSince(child);
      if (posts !== SUBSCRIBERS) throw new Error(`${posts} posts for ${SUBSCRIBERS} subscribers`);
      return load;
    },
    close() {
      child.disconnect();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The exports that handle events. */
const HANDLERS = { connect: 'connect', message: 'message', sample: 'handler' } as const;
const CONNECT = 'CONNECT\naccept-version:1.2\nheart-beat:0,0\nhost:h\n\n\0';

async function openCloud(ca: string): Promise<Cloud> {
  const args = [SAMPLE_TOPIC, String(SUBSCRIBERS)];
  const child = fork(join(here, 'publish-cloud.ts'), args, { execArgv: process.execArgv });
  const [{ port, cert }] = await once(child, 'message');
  keepTo(1, child);
  writeFileSync(ca, cert);
  const endpoint = `https://localhost:${port}`;
  const environment = {
    PATH: process.env['PATH'],
    NODE_EXTRA_CA_CERTS: ca,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE000000000',
    AWS_SECRET_ACCESS_KEY: 'bench-secret-of-forty-characters-or-so..',
    // As long as a function's own.
    AWS_SESSION_TOKEN: 'token'.repeat(200),
    AWS_ENDPOINT_URL_DYNAMODB: endpoint,
    TABLE_NAME: 'broker',
    MANAGEMENT_ENDPOINT: `${endpoint}/ws`,
  };
  return { child, environment };
}

async function postsSince(cloud: ChildProcess): Promise<unknown> {
  cloud.send('posts?');
  const [posts] = await once(cloud, 'message');
  return posts;
}

/** What the import and all events take, in a fresh process on a core of its own if there is one. */
function handled(
  path: string,
  name: string,
  events: readonly object[],
  env: NodeJS.ProcessEnv,
): Load {
  const script = `
    const events = JSON.parse(process.getBuiltinModule('node:fs').readFileSync(0, 'utf8'));
    const wall = performance.now(), before = process.cpuUsage();
    const { ${name}: handler } = await import(${JSON.stringify(pathToFileURL(path).href)});
    for (const event of events) {
      const { batchItemFailures = [], statusCode = 200 } = await handler(event);
      if (batchItemFailures.length > 0 || statusCode >= 300) throw new Error('not handled');
    }
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ cpu: (user + system) / 1000, wall: performance.now() - wall }));
    process.exit();`;
  const args = ['--no-warnings', '--input-type=module', '-e', script];
  const pinned = spawnSync('taskset', ['-V']).status === 0 ? ['taskset', '-c', '0'] : [];
  const [command = '', ...all] = [...pinned, process.execPath, ...args];
  const { stdout } = spawnSync(command, all, {
    input: JSON.stringify(events),
    encoding: 'utf8',
    env,
  });
  return readLoad(stdout);
}

/** The last line: a handler logs what it counts. */
export function readLoad(stdout: string): Load {
  const told: unknown = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  if (typeof told !== 'object' || told === null || !('cpu' in told) || !('wall' in told)) {
    throw new Error(`no times in ${stdout}`);
  }
  return { cpu: Number(told.cpu), wall: Number(told.wall) };
}

function subscriber(n: number): string {
  return `subscriber-${n}-VotXXcBEPHc=`;
}

function connecting(connectionId: string): object {
  return {
    headers: { 'Sec-WebSocket-Protocol': 'v12.stomp' },
    multiValueHeaders: {},
    requestContext: {
      routeKey: '$connect',
      eventType: 'CONNECT',
      connectionId,
      connectedAt: Date.now(),
      requestTimeEpoch: Date.now(),
      requestId: `connect-${connectionId}`,
      stage: 'ws',
      apiId: 'api',
      domainName: 'api.example',
      identity: { sourceIp: '192.0.2.1' },
    },
    isBase64Encoded: false,
  };
}

/** A batch of the queue, all of one connection; `batch` numbers those of one. */
function queued(connectionId: string, texts: readonly string[], batch = 0): object {
  const attribute = (stringValue: string) => ({ dataType: 'String', stringValue });
  const now = String(Date.now());
  const Records = texts.map((text, at) => {
    const number = String(batch * BATCH + at + 1).padStart(20, '0');
    return {
      messageId: `r-${connectionId}-${number}`,
      body: `.${Buffer.from(text).toString('base64')}`,
      attributes: {
        ApproximateReceiveCount: '1',
        SentTimestamp: now,
        SequenceNumber: number,
        MessageGroupId: connectionId,
      },
      messageAttributes: {
        connectionId: attribute(connectionId),
        eventType: attribute('MESSAGE'),
        messageId: attribute(`m-${connectionId}-${number}`),
        requestTimeEpoch: attribute(now),
      },
    };
  });
  return { Records };
}
