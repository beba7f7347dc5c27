/**
 * Asking the operator's own code, and what becomes of its answers. It is waited for within a bound;
 * what it throws is logged and reaches the client as `application-failed`, without a word more.
 */
import type { Destination } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Headers, Principal } from './model.ts';
import type { ApplicationAnswer, ApplicationRequest, Ports } from './ports.ts';
import type { Place, Session } from './session.ts';

/** What a client is about to do. */
export interface Asking {
  readonly destination?: string;
  /** The destination, parsed. */
  readonly target?: Destination;
  readonly headers: Headers;
  readonly body?: Uint8Array;
  /** Of a CONNECT, whose record does not hold it yet. */
  readonly principal?: Principal | undefined;
}

/**
 * The answer; undefined: no application is concerned. Throws `forbidden` with its words where it
 * refuses, `application-failed` where it fails.
 */
export async function consult(
  event: ApplicationRequest['event'],
  asking: Asking,
  session: Session,
  place: Place,
): Promise<ApplicationAnswer | undefined> {
  const { ports } = session;
  const found = ports.applications?.find(event, asking.target);
  if (found === undefined) return undefined;
  const seconds = found.timeoutSeconds ?? ports.limits.applicationSecondsMax;
  const request = requestOf(event, asking, session, place);
  try {
    const told = await within(found.application(request), seconds, ports);
    return answerOf(told, ports);
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause;
    ports.log.error('application-failed', cause, { event });
    throw failed();
  }
}

function requestOf(
  event: ApplicationRequest['event'],
  { destination, headers, body, principal }: Asking,
  { connection }: Session,
  { messageId }: Place,
): ApplicationRequest {
  const { id, session, connectedAt } = connection;
  const { user } = principal ?? connection.principal ?? {};
  return {
    event,
    id: messageId,
    connection: {
      id,
      ...(session === undefined ? {} : { session }),
      ...(user === undefined ? {} : { user }),
      connectedAt,
    },
    ...(destination === undefined ? {} : { destination }),
    // The first of a name counts; what a client shows to be known is none of an application's.
    headers: Object.fromEntries(headers.filter(([name]) => !isSecret(name)).toReversed()),
    ...(body === undefined ? {} : bodyOf(body)),
  };
}

function isSecret(name: string): boolean {
  return /^(authorization|token|access_token)$/i.test(name);
}

function bodyOf(body: Uint8Array): Pick<ApplicationRequest, 'body' | 'bodyEncoding'> {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString();
  if (Buffer.from(text).equals(bytes)) return { body: text };
  return { body: bytes.toString('base64'), bodyEncoding: 'base64' };
}

function within(work: Promise<unknown>, seconds: number, { timer }: Ports): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const cancel = timer.after(seconds * 1000, () =>
      reject(new BrokerError('application-failed', 'The application did not answer in time', MEND)),
    );
    work.then(resolve, reject).finally(cancel);
  });
}

const MEND = 'Nothing you sent is wrong; try again later, and repeat what got no RECEIPT.';

function failed(): BrokerError {
  return new BrokerError('application-failed', 'The application failed', MEND);
}

/** What came back is the operator's, and may be anything. */
function answerOf(value: unknown, { limits }: Ports): ApplicationAnswer {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object') throw new Error('an application answers an object, or nothing');
  const {
    refuse,
    reply,
    publish = [],
  }: { refuse?: unknown; reply?: unknown; publish?: unknown } = value;
  if (refuse !== undefined) {
    const words = typeof refuse === 'string' && refuse !== '' ? refuse : 'It is refused';
    throw new BrokerError('forbidden', words, 'The application refuses it.');
  }
  if (!Array.isArray(publish) || publish.length > limits.applicationPublishesMax) {
    throw new Error(`publish must be a list of at most ${limits.applicationPublishesMax}`);
  }
  return {
    ...(reply === undefined ? {} : { reply: messageOf(reply, 'reply') }),
    publish: publish.map((one: unknown, index) => {
      const { destination }: { destination?: unknown } = Object(one);
      if (typeof destination !== 'string') throw new Error(`publish[${index}] has no destination`);
      return { ...messageOf(one, `publish[${index}]`), destination };
    }),
  };
}

function messageOf(value: unknown, name: string): NonNullable<ApplicationAnswer['reply']> {
  if (typeof value !== 'object' || value === null) throw new Error(`${name} must be an object`);
  const { headers = {}, body }: { headers?: unknown; body?: unknown } = value;
  if (typeof headers !== 'object' || headers === null) {
    throw new Error(`${name}.headers must be an object`);
  }
  const texts = Object.entries(headers).map(([key, one]: [string, unknown]) => [key, String(one)]);
  return { headers: Object.fromEntries(texts), body };
}
