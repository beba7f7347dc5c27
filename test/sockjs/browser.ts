/** HTTP as the rows of the SockJS protocol look at it: whole answers, chunks as they come, aborts. */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { heard } from '../clients/heard.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Open {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next chunk, or '' at the end. */
  read(): Promise<string>;
  /** Cuts the connection, as a browser does that leaves. */
  abort(): void;
}

export interface Ask {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function ask(url: string, asked: Ask = {}): Promise<Answer> {
  const { incoming } = await send(url, asked);
  let body = '';
  for await (const chunk of incoming) body += chunk;
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body };
}

export const get = (url: string, headers: Ask['headers'] = {}) => ask(url, { headers });
export const post = (url: string, body = '', headers: Ask['headers'] = {}) =>
  ask(url, { method: 'POST', body, headers });

/** Resolves with the headers; the body is read piece by piece. */
export async function open(url: string, asked: Ask = {}): Promise<Open> {
  const { incoming, abort } = await send(url, asked);
  // Listening, not iterating: an iterator would join chunks that have come meanwhile.
  const chunks = heard<string>();
  incoming.on('data', chunks.push);
  incoming.on('close', () => chunks.push(''));
  return {
    status: incoming.statusCode ?? 0,
    headers: incoming.headers,
    async read() {
      return (await chunks.next()).value;
    },
    abort,
  };
}

/** Resolves once the request is out; its answer is not waited for. */
export function held(url: string, asked: Ask = {}): Promise<{ readonly abort: () => void }> {
  return new Promise((resolve) => {
    const outgoing = outgoingOf(url, asked);
    outgoing.on('error', () => undefined);
    outgoing.on('finish', () => resolve({ abort: () => outgoing.destroy() }));
    outgoing.end(asked.body);
  });
}

function send(
  url: string,
  asked: Ask,
): Promise<{ readonly incoming: IncomingMessage; readonly abort: () => void }> {
  return new Promise((resolve, reject) => {
    const outgoing = outgoingOf(url, asked);
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      incoming.setEncoding('utf8');
      outgoing.off('error', reject).on('error', () => undefined);
      incoming.on('error', () => undefined);
      resolve({ incoming, abort: () => outgoing.destroy() });
    });
    outgoing.end(asked.body);
  });
}

/** No agent: each request has a connection of its own, and an abort ends it. */
function outgoingOf(url: string, { method = 'GET', headers = {}, body }: Ask) {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const ask = url.startsWith('https:') ? secureRequest : request;
  return ask(url, { method, headers: { ...length, ...headers }, agent: false });
}
