/**
 * The events of the gateway, as captured from AWS: CONNECT alone has headers (names in the client's
 * case) and a query (absent when there is none); MESSAGE has the body; DISCONNECT code and reason.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type {
  ConnectEvent,
  DisconnectEvent,
  MessageEvent,
  RequestContext,
} from '../lambda/events.ts';

/** What all events of one connection share. */
export interface Peer {
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly sourceIp: string;
  readonly userAgent: string | undefined;
}

/** What all events of one gateway share. */
export interface Place {
  readonly stage: string;
  readonly apiId: string;
  readonly domainName: string;
}

export interface Request {
  readonly requestId: string;
  readonly requestTimeEpoch: number;
}

const ID_BYTES = 11;
/** Asked of the system for so many ids at once. */
const IDS_AHEAD = 128;
let random = Buffer.alloc(0);
let used = 0;

/** Looks like `VotXXcBEPHcCEvQ=`, as AWS's, and is unguessable: 88 random bits. */
export function newConnectionId(): string {
  if (used === random.length) {
    random = randomBytes(ID_BYTES * IDS_AHEAD);
    used = 0;
  }
  const id = random.toString('base64url', used, used + ID_BYTES);
  used += ID_BYTES;
  return `${id}=`;
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Ids of requests and messages: the same look, unique, cheap, and no secret. */
export function requestIds(): () => string {
  const prefix = randomBytes(6).toString('base64url').slice(0, 7);
  let count = 0;
  let head = prefix + digits(0, 7);
  return () => {
    count += 1;
    const last = count % 64;
    if (last === 0) head = prefix + digits(Math.floor(count / 64), 7);
    return `${head}${DIGITS.charAt(last)}=`;
  };
}

function digits(number: number, places: number): string {
  let rest = number;
  let text = '';
  for (let place = 0; place < places; place++) {
    text = DIGITS.charAt(rest % 64) + text;
    rest = Math.floor(rest / 64);
  }
  return text;
}

export function peerOf(request: IncomingMessage, connectionId: string, now: number): Peer {
  return {
    connectionId,
    connectedAt: now,
    sourceIp: (request.socket.remoteAddress ?? '').replace(/^::ffff:/, ''),
    userAgent: request.headers['user-agent'],
  };
}

export function connectEvent(
  incoming: IncomingMessage,
  place: Place,
  peer: Peer,
  request: Request,
): ConnectEvent {
  const multiple = new Map<string, string[]>();
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    const name = incoming.rawHeaders[index] ?? '';
    const values = multiple.get(name);
    const value = incoming.rawHeaders[index + 1] ?? '';
    if (values === undefined) multiple.set(name, [value]);
    else values.push(value);
  }
  const query = queryOf(incoming.url ?? '');
  return {
    headers: Object.fromEntries([...multiple].map(([name, values]) => [name, values.at(-1) ?? ''])),
    multiValueHeaders: Object.fromEntries(multiple),
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: context('$connect', 'CONNECT', place, peer, request),
    isBase64Encoded: false,
  };
}

function queryOf(url: string): Record<string, string> | undefined {
  const mark = url.indexOf('?');
  const pairs = mark < 0 ? [] : [...new URLSearchParams(url.slice(mark + 1))];
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

export function messageEvent(
  routeKey: string,
  place: Place,
  peer: Peer,
  request: Request & { readonly messageId: string; readonly body: string },
): MessageEvent {
  return {
    requestContext: {
      ...context(routeKey, 'MESSAGE', place, peer, request),
      messageId: request.messageId,
    },
    body: request.body,
    isBase64Encoded: false,
  };
}

export function disconnectEvent(
  place: Place,
  peer: Peer,
  request: Request & { readonly code: number; readonly reason: string },
): DisconnectEvent {
  return {
    requestContext: {
      ...context('$disconnect', 'DISCONNECT', place, peer, request),
      disconnectStatusCode: request.code,
      disconnectReason: request.reason,
    },
    isBase64Encoded: false,
  };
}

function context(
  routeKey: string,
  eventType: RequestContext['eventType'],
  place: Place,
  peer: Peer,
  request: Request,
): RequestContext {
  return {
    routeKey,
    eventType,
    connectionId: peer.connectionId,
    connectedAt: peer.connectedAt,
    requestTimeEpoch: request.requestTimeEpoch,
    requestId: request.requestId,
    stage: place.stage,
    apiId: place.apiId,
    domainName: place.domainName,
    identity: {
      sourceIp: peer.sourceIp,
      ...(peer.userAgent === undefined ? {} : { userAgent: peer.userAgent }),
    },
  };
}
