/** One HTTP request and its answer, whatever brings them: a function URL, or a port of this machine. */

export interface HttpRequest {
  readonly method: string;
  /** As sent: not decoded, always beginning with `/`. */
  readonly path: string;
  /** Without the `?`. */
  readonly query: string;
  /** Names in lower case; of a repeated one, its values joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** There was more than `httpBodyBytesMax`; `body` is empty then. */
  readonly oversized: boolean;
}

/** `start` once, `write` any number of times, `end` once. */
export interface Reply {
  /**
   * Aborted when the client has gone, where that shows: behind Lambda it never does. It may outlive
   * the exchange: who listens must stop listening.
   */
  readonly gone: AbortSignal;
  start(status: number, headers: Readonly<Record<string, string>>): void;
  /** Sent at once. Resolves when more may be written; never rejects. */
  write(chunk: string | Uint8Array): Promise<void>;
  end(): void;
}

/** Answers any request; what it throws is ours, and nothing was answered yet. */
export type HttpHandler = (request: HttpRequest, reply: Reply) => Promise<void>;

/**
 * Headers of all, the last of a name counting. Not by spreading: V8 (of Node 20) makes new hidden
 * classes for each object that begins as another's copy, which takes 1.5 µs and outlives its request.
 */
export function joinHeaders(
  ...all: readonly Readonly<Record<string, string>>[]
): Readonly<Record<string, string>> {
  return Object.assign({}, ...all);
}

/** A whole answer in one. */
export async function answer(
  reply: Reply,
  status: number,
  headers: Readonly<Record<string, string>>,
  body = '',
): Promise<void> {
  // 204 and 304 have no body, and no length either (RFC 9110 §8.6).
  const sized = status === 204 || status === 304;
  const length = sized ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  reply.start(status, joinHeaders(headers, length));
  if (body !== '') await reply.write(body);
  reply.end();
}
