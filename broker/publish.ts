/**
 * SEND. A message is checked and queued in the session; SENDs that follow each other are published
 * as one batch, at the latest when the invocation ends.
 */
import { authorize, userOf } from './authorize.ts';
import { consult } from './consult.ts';
import { type Destination, parseDestination, parseTarget } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { LogOptions, Publication } from './fanout.ts';
import type { Limits } from './limits.ts';
import {
  type Audience,
  EVENT_HEADER,
  type Headers,
  REQUEST_HEADER,
  type SendCommand,
} from './model.ts';
import { assertRoomAt } from './rates.ts';
import { type Place, publishPending, type Session } from './session.ts';
import { assertServed } from './subscribe.ts';
import { assertReachable, wantsReply, withReplyTo } from './temporary.ts';
import { userDestination } from './user.ts';

/**
 * The receipt is told once every subscriber found has been posted to, or on the logged lane once the
 * message is in its log.
 */
export async function queue(command: SendCommand, session: Session, place: Place): Promise<void> {
  session.publications.push(await publicationOf(command, session, place));
  if (command.receipt !== undefined) session.receipts.push(command.receipt);
  const { publicationsPerFlushMax } = session.ports.limits;
  if (session.publications.length >= publicationsPerFlushMax) await publishPending(session);
}

/**
 * The message as it will be published. Throws what is wrong with it, or with its sender. Nothing is
 * awaited where there is nobody to ask: on one machine each wait shows in what a message costs.
 */
export async function publicationOf(
  command: SendCommand,
  session: Session,
  place: Place,
): Promise<Publication> {
  const { limits, logs, applications } = session.ports;
  const destination = targetOf(command.destination, session);
  assertServed(destination, logs);
  if (destination.kind === 'presence') throw readOnly();
  if (destination.kind === 'temp-queue') assertReachable(destination);
  if (applications !== undefined) {
    await consult('publish', { ...command, target: destination }, session, place);
  }
  const sent = unspoofed(command.headers);
  const headers = wantsReply(sent) ? await withReplyTo(sent, session, place) : sent;
  const octets = command.body.length + octetsOf(headers);
  if (octets > limits.publishBytesMax) {
    throw new BrokerError(
      'frame-too-large',
      `The message has ${octets} octets`,
      `Headers and body of one message may have ${limits.publishBytesMax} octets together.`,
    );
  }
  const policy = logs?.policies(destination);
  if (policy?.limits !== undefined) {
    await assertRoomAt(destination, policy.limits, session, { bytes: command.body.length, place });
  }
  if (policy?.publish === 'members' && policy.logged) await assertMember(destination, session);
  const log = policy?.logged ? logOptions(command, session, place) : undefined;
  const message = {
    id: place.messageId,
    destination: command.destination,
    headers: log === undefined ? headers : userHeaders(headers),
    body: command.body,
  };
  return { destination, message, ...(log === undefined ? {} : { log }) };
}

/** Where it goes, and whether its sender may send there. */
function targetOf(spelt: string, session: Session): Destination {
  const { limits } = session.ports;
  const target = parseTarget(spelt, limits);
  if (target.kind === 'temp-queue' || target.kind === 'presence') return target;
  if (target.kind !== 'user') {
    authorize('publish', target, session);
    return target;
  }
  const user = userOf(session);
  const destination = userDestination(target, user, limits);
  if (destination.segments[0] !== user) authorize('publish', destination, session);
  return destination;
}

/** Without those that only the operator's own code may send. */
function unspoofed(headers: Headers): Headers {
  const foreign = ([name]: Headers[number]) => name === EVENT_HEADER || name === REQUEST_HEADER;
  return headers.some(foreign) ? headers.filter((one) => !foreign(one)) : headers;
}

/** Headers that tell the log what to do, and go no further. */
const LOG_HEADERS: ReadonlySet<string> = new Set(['publish-id', 'to', 'except']);

function userHeaders(headers: Headers): Headers {
  return headers.filter(([name]) => !LOG_HEADERS.has(name));
}

/** Throws what is wrong with the headers. */
function logOptions(
  { headers }: SendCommand,
  session: Session,
  { epoch, repeated }: Place,
): LogOptions {
  const { limits } = session.ports;
  const first = (wanted: string) => headers.find(([name]) => name === wanted)?.[1];
  const publishId = first('publish-id');
  if (publishId !== undefined && !isPublishId(publishId, limits)) {
    throw new BrokerError(
      'header-malformed',
      'The publish-id is empty or too long',
      `Give each message an id of its own of 1 to ${limits.publishIdBytesMax} octets.`,
    );
  }
  const audience = audienceOf(first('to'), first('except'), session);
  return {
    at: epoch,
    repeated,
    ...(publishId === undefined ? {} : { publishId }),
    ...(audience === undefined ? {} : { audience }),
  };
}

function isPublishId(text: string, { publishIdBytesMax }: Limits): boolean {
  const octets = Buffer.byteLength(text);
  return octets > 0 && octets <= publishIdBytesMax;
}

/** `to:` and `except:` name sessions or members, separated by commas; `self` is the sender. */
function audienceOf(
  to: string | undefined,
  except: string | undefined,
  { connection, ports }: Session,
): Audience | undefined {
  if (to === undefined && except === undefined) return undefined;
  const names = (text: string) => {
    const list = text.split(',').map((name) => name.trim());
    if (list.length > ports.limits.audienceNamesMax) {
      throw new BrokerError(
        'header-malformed',
        'Too many names in to or except',
        `Name at most ${ports.limits.audienceNamesMax}; a room of their own serves more.`,
      );
    }
    return list.map((name) => (name === 'self' ? (connection.session ?? '') : name));
  };
  return {
    ...(to === undefined ? {} : { to: names(to) }),
    ...(except === undefined ? {} : { except: names(except) }),
  };
}

async function assertMember(destination: Destination, session: Session): Promise<void> {
  const { store, limits } = session.ports;
  const all = await store.subscriptions(session.connection.id);
  const inside = all.some(
    (one) => parseDestination(one.destination, limits).canonical === destination.canonical,
  );
  if (inside) return;
  throw new BrokerError(
    'forbidden',
    `Only members may send to ${destination.canonical.slice(0, 60)}`,
    'SUBSCRIBE to it first.',
  );
}

function readOnly(): BrokerError {
  return new BrokerError(
    'destination-invalid',
    'Presence is read-only',
    'SUBSCRIBE to /presence/room/… to hear who comes and goes; join by subscribing to /room/….',
  );
}

function octetsOf(headers: Headers): number {
  let octets = 0;
  for (const [name, value] of headers) octets += name.length + value.length + 2;
  return octets;
}
