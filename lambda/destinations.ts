/** HTTP where the URL is the destination: POST publishes, GET listens. Errors are JSON. */
import { anonymous, recognised } from '../broker/authenticate.ts';
import { BrokerError, internalError } from '../broker/errors.ts';
import type { Principal } from '../broker/model.ts';
import type { Ports } from '../broker/ports.ts';
import { replyText } from '../protocol/json/reply.ts';
import { crossOrigin, type HeaderMap, NOT_CACHED, preflight } from '../protocol/sockjs/headers.ts';
import { credentialsOf } from './credentials.ts';
import { answer, type HttpHandler, type HttpRequest, joinHeaders } from './exchange.ts';
import { events, poll } from './listening.ts';
import { publish } from './publishing.ts';
import type { Sessions } from './sessions.ts';

const METHODS = ['OPTIONS', 'GET', 'POST'];
const JSON_TYPE = { 'Content-Type': 'application/json', 'X-Content-Type-Options': 'nosniff' };

export function destinationsHandler(ports: Ports, sessions: Sessions): HttpHandler {
  return async (request, reply) => {
    const headers = joinHeaders(JSON_TYPE, NOT_CACHED, crossOrigin(request.headers));
    try {
      const destination = destinationOf(request);
      const asked = { destination, request, reply };
      switch (request.method) {
        case 'OPTIONS': {
          const allowed = preflight(request.headers, METHODS, ports.clock.now());
          return await answer(reply, 204, allowed);
        }
        case 'POST': {
          const ids = await publish(asked, await principalOf(request, ports), ports);
          return await answer(reply, 200, headers, `${JSON.stringify({ ids })}\n`);
        }
        case 'GET': {
          const world = { ports, sessions };
          const known = { ...asked, principal: await principalOf(request, ports) };
          return await (wantsJson(request) ? poll : events)(known, world);
        }
        default:
          return await refuse(notAllowed(), { ...headers, Allow: METHODS.join(', ') }, 405);
      }
    } catch (cause) {
      // After the answer has begun a fault of ours can only cut it.
      if (cause instanceof BrokerError) return refuse(cause, headers, cause.status);
      ports.log.error('http-failed', cause, { method: request.method });
      return refuse(internalError(), headers, 500);
    }

    function refuse(error: BrokerError, more: HeaderMap, status: number): Promise<void> {
      const [, seconds] = error.headers.find(([name]) => name === 'retry-after') ?? [];
      const told = seconds === undefined ? more : { ...more, 'Retry-After': seconds };
      return answer(reply, status, told, `${replyText({ type: 'error', error })}\n`);
    }
  };
}

/** Each request shows who it is of. Throws `unauthenticated`; undefined where nobody is asked. */
async function principalOf(
  { headers, query }: HttpRequest,
  ports: Ports,
): Promise<Principal | undefined> {
  const { identity, revocations } = ports;
  if (identity === undefined) return undefined;
  const asked = Object.fromEntries(new URLSearchParams(query));
  const shown = credentialsOf({ event: 'http', headers, query: asked }, ports);
  return shown === undefined ? anonymous(identity) : recognised(shown, { identity, revocations });
}

function destinationOf({ path }: HttpRequest): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw new BrokerError(
      'destination-invalid',
      'The path is not UTF-8, percent-encoded',
      'Encode each name of the destination as a browser does.',
    );
  }
}

/** An EventSource asks for text/event-stream, curl for anything: only who names JSON polls. */
function wantsJson({ headers }: HttpRequest): boolean {
  const accept = headers['accept'] ?? '';
  return accept.includes('application/json') && !accept.includes('text/event-stream');
}

function notAllowed(): BrokerError {
  return new BrokerError(
    'unknown-command',
    'This method has no meaning here',
    'POST publishes to the destination; GET listens to it.',
  );
}
