/**
 * Tasks as queues and stores hold them: JSON, written and read here, so that both sides agree.
 * Octets are base64.
 */
import type { Headers, Membership, Message } from '../broker/model.ts';
import type { DrainTask, JobTask, StretchTask, Task } from '../broker/ports.ts';
import { PLACES, type Slice } from '../broker/slice.ts';

type Fields = Readonly<Record<string, unknown>>;

export function writeJob(task: JobTask): string {
  if (task.type === 'drain') return JSON.stringify(task);
  const messages = task.messages.map(({ body, ...message }) => ({
    ...message,
    body: Buffer.from(body).toString('base64'),
  }));
  return JSON.stringify({ ...task, messages });
}

/** The task, put off or a job, or what is wrong with the text. */
export function readTask(text: string): Task | JobTask | string {
  const fields = parsed(text);
  if (fields === undefined) return 'no JSON object';
  const job = readJob(fields);
  if (job !== undefined) return job;
  const { type, queue, room, mark } = fields;
  if (type === 'look') {
    const drain = readDrain(fields['drain']);
    return drain === undefined ? 'no connection' : { type, drain };
  }
  if (type === 'tick') return typeof queue === 'string' ? { type, queue } : 'no queue';
  if (type !== 'gone') return 'no known type of task';
  if (typeof room !== 'string') return 'no room';
  if (typeof mark !== 'string') return 'no mark';
  const membership = readMembership(fields['membership']);
  return membership === undefined ? 'no membership' : { type, room, membership, mark };
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return { ...value };
  } catch {
    return undefined;
  }
}

function readMembership(value: unknown): Membership | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { connectionId, subscriptionId, stamp, session, member } = fields;
  const texts = [connectionId, subscriptionId, stamp, session, member];
  if (texts.some((each) => typeof each !== 'string')) return undefined;
  return {
    connectionId: String(connectionId),
    subscriptionId: String(subscriptionId),
    stamp: String(stamp),
    session: String(session),
    member: String(member),
  };
}

/** The task, what is wrong with it, or undefined if it is another kind of task. */
function readJob(fields: Fields): JobTask | string | undefined {
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

function readDrain(value: unknown): DrainTask | undefined {
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
