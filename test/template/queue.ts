/**
 * An SQS queue in memory, standard or FIFO, with SQS's rules: visibility, receive counts, redrive,
 * five minutes of de-duplication, one batch in flight per group, batches that mix groups, no U+0000
 * and no empty body. A fault of the sender is a returned text in SQS's words.
 */
import { createHash, randomUUID } from 'node:crypto';

export interface QueueOptions {
  readonly name: string;
  readonly arn: string;
  readonly fifo: boolean;
  readonly contentBasedDeduplication: boolean;
  /** A name counts within its group alone. @default false: in the whole queue */
  readonly deduplicatesByGroup?: boolean;
  readonly visibilitySeconds: number;
  readonly retentionSeconds: number;
  readonly redrive: { readonly to: string; readonly receivesMax: number } | undefined;
}

export interface Attribute {
  readonly dataType: string;
  readonly stringValue: string;
}

export interface SendRequest {
  readonly body: string;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly delaySeconds?: number;
}

export interface Received {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, Attribute>>;
}

interface Stored {
  readonly messageId: string;
  readonly request: SendRequest;
  readonly sequence: string;
  readonly sentAt: number;
  visibleAt: number;
  firstReceivedAt: number;
  receives: number;
  handle: string | undefined;
}

export interface Queue {
  readonly options: QueueOptions;
  send(request: SendRequest): { readonly messageId: string; readonly sequence: string } | string;
  /** At most `count` visible messages, oldest first. Over its receives a message is redriven. */
  receive(count: number): readonly Received[];
  /** False if the handle is no longer the newest of its message. */
  delete(receiptHandle: string): boolean;
  /** Milliseconds from now until the message may be received again; 0: at once. */
  release(receiptHandle: string, milliseconds: number): void;
  /** Called whenever something may have become receivable. */
  onArrival(listener: () => void): void;
  readonly size: number;
  /** Without those whose delay has not passed. */
  readonly due: number;
}

const DEDUPLICATION_MS = 5 * 60_000;
/** 1 MiB since August 2025. */
const BODY_BYTES_MAX = 1024 * 1024;
const ATTRIBUTES_MAX = 10;
/** The characters SQS takes (SendMessage API Reference, MessageBody). */
const LEGAL = /^[\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]*$/u;

export function createQueue(
  options: QueueOptions,
  redrive: (queueArn: string, request: SendRequest) => void,
  now: () => number = Date.now,
): Queue {
  let stored: Stored[] = [];
  let sequence = 0n;
  const seen = new Map<string, { at: number; messageId: string; sequence: string }>();
  const listeners: (() => void)[] = [];
  const arrived = (): void => {
    for (const listener of listeners) listener();
  };
  const find = (handle: string): Stored | undefined => stored.find((one) => one.handle === handle);
  return {
    options,
    get size() {
      return stored.length;
    },
    get due() {
      const time = now();
      return stored.filter((one) => one.receives > 0 || one.visibleAt <= time).length;
    },
    onArrival: (listener) => {
      listeners.push(listener);
    },
    send: (request) => {
      const fault = refuse(request, options);
      if (fault !== undefined) return fault;
      const key = deduplication(request, options);
      const before = key === undefined ? undefined : seen.get(key);
      if (before !== undefined && now() - before.at < DEDUPLICATION_MS) return before;
      sequence += 1n;
      const made = {
        messageId: randomUUID(),
        request,
        sequence: String(10n ** 19n + sequence).slice(0, 20),
        sentAt: now(),
        visibleAt: now() + (request.delaySeconds ?? 0) * 1000,
        firstReceivedAt: 0,
        receives: 0,
        handle: undefined,
      };
      stored.push(made);
      const receipt = { messageId: made.messageId, sequence: made.sequence };
      if (key !== undefined) seen.set(key, { at: now(), ...receipt });
      const delay = made.visibleAt - now();
      if (delay > 0) setTimeout(arrived, delay).unref();
      else arrived();
      return receipt;
    },
    receive: (count) => {
      const time = now();
      stored = stored.filter((one) => time - one.sentAt < options.retentionSeconds * 1000);
      const taken: Received[] = [];
      // A group with something in flight or unreceivable waits as a whole.
      const blocked = new Set(
        options.fifo ? stored.filter((m) => m.visibleAt > time).map(groupOf) : [],
      );
      for (const one of [...stored]) {
        if (taken.length >= count) break;
        if (one.visibleAt > time || blocked.has(groupOf(one))) continue;
        if (options.redrive !== undefined && one.receives >= options.redrive.receivesMax) {
          stored = stored.filter((other) => other !== one);
          redrive(options.redrive.to, one.request);
          continue;
        }
        one.receives += 1;
        one.firstReceivedAt ||= time;
        one.visibleAt = time + options.visibilitySeconds * 1000;
        one.handle = randomUUID();
        taken.push(received(one, one.handle, options.fifo));
      }
      return taken;
    },
    delete: (handle) => {
      const found = find(handle);
      stored = stored.filter((one) => one !== found);
      arrived();
      return found !== undefined;
    },
    release: (handle, milliseconds) => {
      const found = find(handle);
      if (found === undefined) return;
      found.visibleAt = now() + milliseconds;
      if (milliseconds === 0) arrived();
      else setTimeout(arrived, milliseconds).unref();
    },
  };
}

function groupOf(one: Stored): string {
  return one.request.groupId ?? one.messageId;
}

function deduplication(request: SendRequest, options: QueueOptions): string | undefined {
  if (!options.fifo) return undefined;
  const id = request.deduplicationId ?? createHash('sha256').update(request.body).digest('hex');
  return options.deduplicatesByGroup ? `${request.groupId} ${id}` : id;
}

function received(one: Stored, receiptHandle: string, fifo: boolean): Received {
  return {
    messageId: one.messageId,
    receiptHandle,
    body: one.request.body,
    attributes: {
      ApproximateReceiveCount: String(one.receives),
      SentTimestamp: String(one.sentAt),
      SenderId: 'AIDAEXAMPLE',
      ApproximateFirstReceiveTimestamp: String(one.firstReceivedAt),
      ...(fifo && {
        SequenceNumber: one.sequence,
        MessageGroupId: one.request.groupId ?? '',
        MessageDeduplicationId: one.request.deduplicationId ?? '',
      }),
    },
    messageAttributes: one.request.attributes,
  };
}

function refuse(request: SendRequest, options: QueueOptions): string | undefined {
  const { groupId, deduplicationId, attributes } = request;
  if (request.body === '') return 'The request must contain the parameter MessageBody.';
  if (!LEGAL.test(request.body)) return 'Invalid characters found in the message body.';
  if (Buffer.byteLength(request.body) > BODY_BYTES_MAX) return 'Message must be shorter.';
  if (options.fifo && request.delaySeconds) return 'DelaySeconds is not valid for a FIFO queue.';
  if ((request.delaySeconds ?? 0) > 900) return 'DelaySeconds must be between 0 and 900.';
  if (options.fifo && !groupId) return 'The request must contain the parameter MessageGroupId.';
  if (!options.fifo && deduplicationId !== undefined) return 'The queue is not a FIFO queue.';
  if (options.fifo && deduplicationId === undefined && !options.contentBasedDeduplication) {
    return 'The queue should either have ContentBasedDeduplication enabled or ids provided.';
  }
  for (const id of [groupId, deduplicationId]) {
    if (id !== undefined && !/^[\x21-\x7e]{1,128}$/.test(id)) return `The id ${id} is invalid.`;
  }
  const named = Object.entries(attributes);
  if (named.length > ATTRIBUTES_MAX) return 'Number of message attributes exceeds 10.';
  const bad = named.find(([, one]) => one.stringValue === '' || !LEGAL.test(one.stringValue));
  if (bad !== undefined) return `Message attribute '${bad[0]}' must contain a non-empty value.`;
  return undefined;
}
