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
import type { Policy } from './rules.ts';
import { type Place, publishPending, type Session } from './session.ts';
import { assertServed } from './subscribe.ts';
import { assertReachable, wantsReply, withReplyTo } from './temporary.ts';
import { userDestination } from './user.ts';

/**
 * The receipt is told once every subscriber found has been posted to, or on the logged lane once the
 * message is in its log.
 */
export function queue(command: SendCommand, session: Session, place: Place): Waits {
  const publication = publicationOf(command, session, place);
  if (publication instanceof Promise) {
    return publication.then((one) => gather(one, command, session));
  }
  return gather(publication, command, session);
}

/** Undefined where all is done already: on one machine each wait shows in what a message costs. */
export type Waits = Promise<void> | undefined;

function gather(publication: Publication, { receipt }: SendCommand, session: Session): Waits {
  session.publications.push(publication);
  if (receipt !== undefined) session.receipts.push(receipt);
  const { publicationsPerFlushMax } = session.ports.limits;
  if (session.publications.length < publicationsPerFlushMax) return undefined;
  return publishPending(session);
}

/** A message whose sender may send there, if whoever is to be asked agrees. */
interface Sending {
  readonly command: SendCommand;
  readonly destination: Destination;
  readonly headers: Headers;
  readonly policy: Policy | undefined;
}

/**
 * The message as it will be published; a promise only where somebody is to be asked. Throws, or
 * rejects with, what is wrong with it, or with its sender.
 */
export function publicationOf(
  command: SendCommand,
  session: Session,
  place: Place,
): Publication | Promise<Publication> {
  const { logs, applications } = session.ports;
  const destination = targetOf(command.destination, session);
  assertServed(destination, logs);
  if (destination.kind === 'presence') throw readOnly();
  if (destination.kind === 'temp-queue') assertReachable(destination);
  const headers = unspoofed(command.headers);
  const policy = logs?.policies(destination);
  const sending = { command, destination, headers, policy };
  const bounded = policy?.limits !== undefined || policy?.publish === 'members';
  if (bounded || applications !== undefined || wantsReply(headers)) {
    return asked(sending, session, place);
  }
  assertSize(sending, session.ports.limits);
  return publication(sending, session, place);
}

async function asked(sending: Sending, session: Session, place: Place): Promise<Publication> {
  const { command, destination, policy } = sending;
  const target = { target: destination };
  await consult('publish', Object.assign({}, command, target), session, place);
  const headers = await withReplyTo(sending.headers, session, place);
  assertSize({ command, headers }, session.ports.limits);
  const bytes = command.body.length;
  await assertRoomAt(destination, policy?.limits, session, { bytes, place });
  if (policy?.publish === 'members' && policy.logged) await assertMember(destination, session);
  return publication(Object.assign({}, sending, { headers }), session, place);
}

function assertSize({ command, headers }: Pick<Sending, 'command' | 'headers'>, limits: Limits) {
  const octets = command.body.length + octetsOf(headers);
  if (octets <= limits.publishBytesMax) return;
  throw new BrokerError(
    'frame-too-large',
    `The message has ${octets} octets`,
    `Headers and body of one message may have ${limits.publishBytesMax} octets together.`,
  );
}

function publication(
  { command, destination, headers, policy }: Sending,
  session: Session,
  place: Place,
): Publication {
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
