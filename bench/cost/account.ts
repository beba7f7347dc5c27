/**
 * A deployed broker with a meter on all that AWS bills: the handlers of lambda/ as main.ts wires
 * them, over the SDK's clients, each of which is answered by a counter. What a gateway and a queue do
 * by themselves (a message received, sent to the queue, taken from it, deleted) is counted here.
 *
 * Duration cannot be counted where nothing takes its time: it is reckoned, by `DURATION`.
 */
import { sqsIngress } from '../../adapters/sqs/ingress.ts';
import { LIMITS } from '../../broker/limits.ts';
import { connectHandler } from '../../lambda/connect.ts';
import { disconnectHandler } from '../../lambda/disconnect.ts';
import type { QueueRecord, RequestContext } from '../../lambda/events.ts';
import { messageHandler } from '../../lambda/message.ts';
import { streamHandler } from '../../lambda/stream.ts';
import { BILLED_BYTES, NOTHING, sum, type Usage, unitsOf } from '../bill.ts';
import { headStream } from './head-stream.ts';
import { documentClient, managementApi, queueClient } from './metered-client.ts';
import { meteredTable } from './metered-table.ts';
import { NOW, portsOf } from './ports.ts';

/** GB-seconds of an invocation: one beginning, the CPU of each post, and the wait for answers. */
export const DURATION = {
  /** As the construct sets them. */
  gigabytes: { connect: 0.25, disconnect: 0.25, message: 0.5, deliver: 1 },
  /** Wiring, parsing and some three rounds of requests, the first posts' among them; assumed. */
  milliseconds: 20,
  /** Of one post on a whole core, of the first thousand of a new process, measured (bench:post). */
  postMilliseconds: 0.154,
  /** For each further turn of posts, so many at once: until they are answered, as in bench:burst. */
  answerMilliseconds: 30,
  postsAtOnce: LIMITS.postsAtOnceMax,
  /** Lambda gives a whole core at so many GB, and less in proportion. */
  coreGigabytes: 1.769,
} as const;

/** Of one invocation that posts so often. */
export function invocationMilliseconds(
  name: keyof (typeof DURATION)['gigabytes'],
  posts: number,
): number {
  const core = Math.min(1, DURATION.gigabytes[name] / DURATION.coreGigabytes);
  const turns = Math.max(0, Math.ceil(posts / DURATION.postsAtOnce) - 1);
  const posting = (posts * DURATION.postMilliseconds) / core;
  return DURATION.milliseconds + turns * DURATION.answerMilliseconds + posting;
}

export type IngressKind = 'fifo' | 'direct';

export interface Account {
  /** All that was used so far. */
  usage(): Usage;
  connect(connectionId: string): Promise<void>;
  /** One WebSocket message each, all within one batch of the queue. */
  receive(connectionId: string, texts: readonly string[]): Promise<void>;
  disconnect(connectionId: string): Promise<void>;
  /** Does `steps`; what they write into logs is delivered in one batch, once they are done. */
  together(steps: () => Promise<void>): Promise<void>;
}

export function openAccount(ingress: IngressKind): Account {
  const stream = headStream();
  const table = meteredTable(stream.written);
  const counted = {
    messages: 0,
    posts: 0,
    queue: 0,
    invocations: 0,
    gigabyteSeconds: 0,
  };
  const enqueue = (octets: number): void => {
    counted.queue += unitsOf(octets, BILLED_BYTES.queueRequests);
  };
  const database = documentClient(table);
  const ports = portsOf({
    database,
    queue: queueClient(enqueue),
    gateway: managementApi((octets) => {
      counted.posts += 1;
      counted.messages += unitsOf(octets, BILLED_BYTES.gatewayMessages);
    }),
  });
  const queue =
    ingress === 'direct'
      ? undefined
      : sqsIngress({ client: queueClient(enqueue), queueUrl: 'https://sqs.example/q.fifo' });
  const handlers = {
    connect: connectHandler(ports),
    disconnect: disconnectHandler(ports, queue),
    message: messageHandler(ports),
    deliver: streamHandler(stream.decoder(ports, database), ports),
  };
  let sequence = 0;
  let holding = false;

  /** What the handler wrote into logs is delivered before anything else happens. */
  async function invoke(name: keyof typeof handlers, run: () => Promise<unknown>): Promise<void> {
    await runBilled(name, run);
    if (!holding) await deliver();
  }

  async function deliver(): Promise<void> {
    for (let Records = stream.take(); Records.length > 0; Records = stream.take()) {
      await runBilled('deliver', () => handlers.deliver({ Records }));
    }
  }

  async function runBilled(
    name: keyof typeof handlers,
    run: () => Promise<unknown>,
  ): Promise<void> {
    const before = counted.posts;
    await run();
    const milliseconds = invocationMilliseconds(name, counted.posts - before);
    counted.invocations += 1;
    counted.gigabyteSeconds += (DURATION.gigabytes[name] * milliseconds) / 1000;
  }

  /** The event source takes a batch and deletes it: two requests, however many are in it. */
  async function takeBatch(records: readonly QueueRecord[]): Promise<void> {
    const octets = records.reduce((total, { body }) => total + body.length, 0);
    await invoke('message', () => handlers.message({ Records: records }));
    counted.queue += unitsOf(octets, BILLED_BYTES.queueRequests) + 1;
  }

  const numbered = () => String(++sequence).padStart(20, '0');
  return {
    usage: () =>
      sum(NOTHING, {
        gatewayMessages: counted.messages,
        connectionMinutes: 0,
        invocations: counted.invocations,
        gigabyteSeconds: counted.gigabyteSeconds,
        readUnits: table.meter.readUnits,
        writeUnits: table.meter.writeUnits,
        queueRequests: counted.queue,
      }),
    connect: (connectionId) =>
      invoke('connect', () =>
        handlers.connect({
          headers: { 'Sec-WebSocket-Protocol': 'v12.stomp' },
          multiValueHeaders: {},
          requestContext: context('CONNECT', connectionId, numbered()),
          isBase64Encoded: false,
        }),
      ),
    async receive(connectionId, texts) {
      const records: QueueRecord[] = [];
      for (const text of texts) {
        counted.messages += unitsOf(Buffer.byteLength(text), BILLED_BYTES.gatewayMessages);
        const requestContext = context('MESSAGE', connectionId, numbered());
        if (queue === undefined) {
          const event = { requestContext, body: text, isBase64Encoded: false };
          await invoke('message', () => handlers.message(event));
        } else {
          const one = record(requestContext, `.${Buffer.from(text).toString('base64')}`);
          enqueue(one.body.length);
          records.push(one);
        }
      }
      if (records.length > 0) await takeBatch(records);
    },
    async together(steps) {
      holding = true;
      await steps();
      holding = false;
      await deliver();
    },
    async disconnect(connectionId) {
      const requestContext = context('DISCONNECT', connectionId, numbered());
      await invoke('disconnect', () =>
        handlers.disconnect({ requestContext, isBase64Encoded: false }),
      );
      if (queue !== undefined) await takeBatch([record(requestContext, '.')]);
    },
  };
}

function context(
  eventType: RequestContext['eventType'],
  connectionId: string,
  number: string,
): RequestContext {
  return {
    routeKey: '$default',
    eventType,
    connectionId,
    connectedAt: NOW,
    requestTimeEpoch: NOW,
    requestId: `r-${number}`,
    messageId: `m-${number}`,
    stage: 'ws',
    apiId: 'api',
    domainName: 'api.example',
    identity: { sourceIp: '192.0.2.1' },
  };
}

function record({ connectionId, eventType, requestId, messageId }: RequestContext, body: string) {
  const text = (stringValue: string) => ({ dataType: 'String', stringValue });
  return {
    messageId: requestId,
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(NOW),
      SequenceNumber: requestId.slice(2),
      MessageGroupId: connectionId,
    },
    messageAttributes: {
      connectionId: text(connectionId),
      eventType: text(eventType),
      messageId: text(messageId ?? requestId),
      requestTimeEpoch: text(String(NOW)),
    },
  };
}
