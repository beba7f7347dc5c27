/**
 * The load of the queues bench: so many queues, each with a writer and a consumer that acknowledges
 * every message by itself. Plain STOMP 1.2, so it speaks to any broker. A round is over when the
 * RECEIPT of each consumer's last ACK is there: all is stored, delivered and settled.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface QueuesCrowd {
  /** So many messages through each queue; resolves when all are acknowledged. */
  round(messages: number): Promise<void>;
  close(): void;
}

export interface QueuesOptions {
  readonly url: string;
  readonly queues: number;
  readonly bodyBytes: number;
  readonly prefetch: number;
  /** Of RabbitMQ, which asks for them: `login`, `passcode`. */
  readonly login: readonly string[];
}

export async function gatherQueues(options: QueuesOptions): Promise<QueuesCrowd> {
  const pairs = await Promise.all(
    Array.from({ length: options.queues }, (_, index) => pair(options, index)),
  );
  return {
    round: async (messages) => {
      await Promise.all(pairs.map((one) => one.round(messages)));
    },
    close: () => {
      for (const one of pairs) one.close();
    },
  };
}

async function pair(options: QueuesOptions, index: number): Promise<QueuesCrowd> {
  const destination = `/queue/bench-${process.pid}-${index}`;
  const [writer, consumer] = await Promise.all([enter(options), enter(options)]);
  const wish = [
    'id:1',
    `destination:${destination}`,
    'ack:client-individual',
    `prefetch-count:${options.prefetch}`,
    'receipt:ready',
  ];
  let left = 0;
  let done = (): void => undefined;
  const subscribed = new Promise<void>((resolve) => {
    hear(consumer, (frame) => {
      if (frame.startsWith('MESSAGE')) {
        const ack = /\nack:([^\n]*)/.exec(frame)?.[1] ?? '';
        left--;
        consumer.send(`ACK\nid:${ack}\n${left === 0 ? 'receipt:last\n' : ''}\n\0`);
      } else if (frame.includes('receipt-id:ready')) resolve();
      else if (frame.includes('receipt-id:last')) done();
      else throw new Error(frame);
    });
  });
  consumer.send(`SUBSCRIBE\n${wish.join('\n')}\n\n\0`);
  await subscribed;
  const send = `SEND\ndestination:${destination}\n\n${'x'.repeat(options.bodyBytes)}\0`;
  return {
    round: (messages) =>
      new Promise((resolve) => {
        left = messages;
        done = resolve;
        for (let n = 0; n < messages; n++) writer.send(send);
      }),
    close: () => {
      writer.terminate();
      consumer.terminate();
    },
  };
}

/** Frames, one or many to a WebSocket message; none holds a NUL. */
function hear(socket: WebSocket, heard: (frame: string) => void): void {
  let rest = '';
  socket.on('message', (data) => {
    const frames = (rest + String(data)).split('\0');
    rest = frames.pop() ?? '';
    for (const frame of frames) heard(frame.trimStart());
  });
}

async function enter({ url, login }: QueuesOptions): Promise<WebSocket> {
  const socket = new WebSocket(url, ['v12.stomp'], { perMessageDeflate: false });
  await once(socket, 'open');
  const headers = ['accept-version:1.2', 'host:/', 'heart-beat:0,0', ...login];
  const answered = once(socket, 'message');
  socket.send(`CONNECT\n${headers.join('\n')}\n\n\0`);
  const [data] = await answered;
  if (String(data).startsWith('CONNECTED')) return socket;
  throw new Error(String(data));
}
