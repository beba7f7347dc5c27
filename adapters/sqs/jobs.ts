/**
 * Jobs through a FIFO queue. Their JSON is written and read here, so that both sides agree: octets
 * are base64. Group and name are digests, for a destination may be longer than SQS's 128 characters,
 * and hold others than it takes.
 */
import { createHash } from 'node:crypto';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Limits } from '../../broker/limits.ts';
import type { Headers, Message } from '../../broker/model.ts';
import type { DrainTask, Job, Jobs, JobTask, StretchTask } from '../../broker/ports.ts';
import { PLACES, type Slice } from '../../broker/slice.ts';

export interface SqsJobsOptions {
  readonly client: SQSClient;
  /** Of a FIFO queue that de-duplicates within a group. */
  readonly queueUrl: string;
  readonly limits: Limits;
}

export function sqsJobs({ client, queueUrl, limits }: SqsJobsOptions): Jobs {
  async function send({ group, once, task }: Job): Promise<void> {
    await client.send(
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageGroupId: digest(group),
        MessageDeduplicationId: digest(once),
        MessageBody: writeJob(task),
      }),
    );
  }
  return {
    async send(jobs) {
      for (let from = 0; from < jobs.length; from += limits.jobsAtOnceMax) {
        await Promise.all(jobs.slice(from, from + limits.jobsAtOnceMax).map(send));
      }
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}

export function writeJob(task: JobTask): string {
  if (task.type === 'drain') return JSON.stringify(task);
  const messages = task.messages.map(({ body, ...message }) => ({
    ...message,
    body: Buffer.from(body).toString('base64'),
  }));
  return JSON.stringify({ ...task, messages });
}

type Fields = Readonly<Record<string, unknown>>;

/** The task, what is wrong with it, or undefined if it is another kind of task. */
export function readJob(fields: Fields): JobTask | string | undefined {
  const { type, destination } = fields;
  if (type === 'drain') return readDrain(fields) ?? 'no connection';
  if (type === 'stretch') return readStretch(fields) ?? 'no stretch of a log';
  if (type !== 'shard') return undefined;
  if (typeof destination !== 'string') return 'no destination';
  const slice = readSlice(fields['slice']);
  if (slice === undefined) return 'no slice';
  const messages = Array.isArray(fields['messages']) ? fields['messages'].map(readMessage) : [];
  const read = messages.filter((message) => message !== undefined);
  if (read.length === 0 || read.length < messages.length) return 'no messages';
  return { type, destination, slice, messages: read };
}

export function readDrain(value: unknown): DrainTask | undefined {
  const { connectionId, connectedAt, looks } = fieldsOf(value);
  if (typeof connectionId !== 'string' || !isCount(connectedAt) || !isCount(looks))
    return undefined;
  return { type: 'drain', connectionId, connectedAt, looks };
}

function readStretch(fields: Fields): StretchTask | undefined {
  const { destination, epoch, after } = fields;
  const slice = readSlice(fields['slice']);
  const given: readonly unknown[] = Array.isArray(fields['messages']) ? fields['messages'] : [];
  const messages = given.map(readLogged).filter((message) => message !== undefined);
  const whole = messages.length > 0 && messages.length === given.length;
  if (typeof destination !== 'string' || typeof epoch !== 'string' || !whole) return undefined;
  if (slice === undefined || (after !== undefined && !isCount(after))) return undefined;
  const since = after === undefined ? {} : { after };
  return { type: 'stretch', destination, slice, epoch, ...since, messages };
}

function readLogged(value: unknown): StretchTask['messages'][number] | undefined {
  const { seq, at, revision, audience } = fieldsOf(value);
  const message = readMessage(value);
  if (message === undefined || !isCount(seq) || !isCount(at) || !isCount(revision))
    return undefined;
  const { to, except } = fieldsOf(audience);
  const narrowed = {
    ...(to === undefined ? {} : { to: texts(to) }),
    ...(except === undefined ? {} : { except: texts(except) }),
  };
  return {
    ...message,
    seq,
    at,
    revision,
    ...(audience === undefined ? {} : { audience: narrowed }),
  };
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function readSlice(value: unknown): Slice | undefined {
  const { index, of } = fieldsOf(value);
  if (!isCount(index) || !isCount(of) || index >= of || of > PLACES) return undefined;
  return { index, of };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0;
}

function readMessage(value: unknown): Message | undefined {
  const { id, destination, headers, body } = fieldsOf(value);
  const read = readHeaders(headers);
  const texts = typeof id === 'string' && typeof destination === 'string';
  if (!texts || typeof body !== 'string' || read === undefined) return undefined;
  return { id, destination, headers: read, body: Buffer.from(body, 'base64') };
}

function readHeaders(value: unknown): Headers | undefined {
  if (!Array.isArray(value)) return undefined;
  const headers: (readonly [string, string])[] = [];
  for (const pair of value as readonly unknown[]) {
    const [name, text] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
    if (typeof name !== 'string' || typeof text !== 'string') return undefined;
    headers.push([name, text]);
  }
  return headers;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
