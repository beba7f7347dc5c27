/**
 * Publishing by HTTP: `POST` to the destination's own URL. The answer comes when the effect is
 * durable: every subscriber found has been posted to, or the log has it.
 */
import { send } from '../broker/application.ts';
import { parseTarget } from '../broker/destination.ts';
import { BrokerError } from '../broker/errors.ts';
import type { Connection, Headers, Principal } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { assertRate } from '../broker/rates.ts';
import { flush, openSession } from '../broker/session.ts';
import { makeTurn } from '../broker/turn.ts';
import type { HttpRequest } from './exchange.ts';

export interface Publishing {
  readonly destination: string;
  readonly request: HttpRequest;
}

/** The ids of what was published, in order. Throws BrokerError; nothing is published then. */
export async function publish(
  { destination, request }: Publishing,
  principal: Principal | undefined,
  ports: Ports,
): Promise<readonly string[]> {
  if (request.oversized) throw tooLarge(ports.limits.httpBodyBytesMax);
  const target = parseTarget(destination, ports.limits);
  const logged = ports.logs?.policies(target).logged ?? false;
  const publishId = logged ? request.headers['publish-id'] : undefined;
  const bodies = bodiesOf(request);
  const turn = makeTurn(ports);
  const session = openSession(publisher(principal, ports), { ports, turn, ordered: false });
  const leave = turn.enter();
  const epoch = ports.clock.now();
  const arrival = `${epoch.toString(36)}-${ports.ids.random().replaceAll('-', '')}`;
  const ids = bodies.map((_, index) => `${arrival}-${index.toString(36)}`);
  try {
    // All or none.
    assertRate(session, {
      bytes: bodies.reduce((sum, { bytes }) => sum + bytes.length, 0),
      messages: bodies.length,
      place: { epoch, repeated: false },
      unconnected: true,
    });
    for (const [index, { bytes, type }] of bodies.entries()) {
      const headers: Headers = [
        ['content-type', type],
        ...idHeader(publishId, bodies.length > 1 ? index : undefined),
      ];
      const place = { stamp: '', messageId: ids[index] ?? '', epoch, repeated: false };
      await send({ type: 'send', destination, headers, body: bytes }, session, place);
    }
    await flush(session);
  } finally {
    leave();
  }
  return ids;
}

interface Body {
  readonly bytes: Uint8Array;
  readonly type: string;
}

const FORM = 'application/x-www-form-urlencoded';
const TEXT = 'text/plain';

/** What `curl -d` calls a form is a text; each line of an ndjson body is a message of its own. */
function bodiesOf({ headers, body }: HttpRequest): readonly Body[] {
  const given = (headers['content-type'] ?? '').trim();
  const kind = given.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (kind === 'application/x-ndjson') return lines(body);
  return [{ bytes: body, type: kind === '' || kind === FORM ? TEXT : given }];
}

function lines(body: Uint8Array): readonly Body[] {
  const bodies: Body[] = [];
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    if (!isJson(line)) {
      throw new BrokerError(
        'protocol-violation',
        `Line ${index + 1} is not JSON`,
        'Each line of application/x-ndjson is one JSON value; nothing was published.',
      );
    }
    bodies.push({ bytes: Buffer.from(line.trim()), type: 'application/json' });
  }
  return bodies;
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

/** The messages of a batch need ids of their own. */
function idHeader(publishId: string | undefined, index: number | undefined): Headers {
  if (publishId === undefined) return [];
  return [['publish-id', index === undefined ? publishId : `${publishId}-${index}`]];
}

/** A publisher without a connection: it is a member of nothing, and hears nothing. */
function publisher(principal: Principal | undefined, { ids, clock }: Ports): Connection {
  const session = ids.random();
  const now = clock.now();
  return {
    id: `h.${session}`,
    carrier: 'raw',
    dialect: 'json',
    version: '1',
    session,
    member: principal?.user ?? session,
    ...(principal === undefined ? {} : { principal }),
    connectedAt: now,
    expiresAt: now,
    stamp: '',
  };
}

export function tooLarge(bytesMax: number): BrokerError {
  return new BrokerError(
    'frame-too-large',
    'The body is too large',
    `A request may have ${bytesMax} octets; send a batch in parts, or an address instead.`,
  );
}
