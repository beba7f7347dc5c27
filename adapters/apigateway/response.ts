/**
 * One HTTP/1.1 response, read from the octets that have come so far (RFC 9112). A pure function,
 * called again with more octets until it knows the end: the gateway's answers are a few hundred
 * octets, nearly always in one piece. It is strict: what it does not know for certain is a fault,
 * never a guess at where the next response begins.
 */

export interface Response {
  readonly status: number;
  /** Header `x-amzn-errortype`, or ''. */
  readonly errorType: string;
  readonly body: Buffer;
  /** The connection can carry another request. */
  readonly reusable: boolean;
}

/** Of head and body together; the gateway's longest, an error page, has some 2 KB. */
export const RESPONSE_BYTES_MAX = 64 * 1024;

/**
 * Undefined: more octets must come. `ended`: none will. Throws if this is no response. The body has
 * memory of its own.
 */
export function readResponse(octets: Buffer, ended: boolean): Response | undefined {
  for (let start = 0; ; ) {
    const end = octets.indexOf(HEAD_END, start, 'latin1');
    if (end === -1) return awaiting(octets, ended);
    const head = readHead(octets.toString('latin1', start, end));
    start = end + HEAD_END.length;
    if (head.status === 101) throw new Error('The gateway switched protocols unasked');
    // Interim responses (100 Continue, 103 Early Hints) stand before the one that counts.
    if (head.status >= 200) return withBody(head, octets.subarray(start), ended);
  }
}

const HEAD_END = '\r\n\r\n';

function awaiting(octets: Buffer, ended: boolean): undefined {
  if (octets.length > RESPONSE_BYTES_MAX) throw new Error('The answer has no end');
  if (ended) throw new Error('The connection was closed within an answer');
  return undefined;
}

interface Head {
  readonly status: number;
  readonly errorType: string;
  readonly persistent: boolean;
  /** Octets, or how else the end of the body shows. */
  readonly body: number | 'chunked' | 'until closed';
}

function readHead(text: string): Head {
  if (!HEAD.test(text)) throw new Error('The answer does not begin as HTTP');
  const status = Number(text.slice(9, 12));
  const current = text.charCodeAt(7) === 0x31;
  // RFC 9110, 15.2: 1.0 knows no interim answers.
  if (status < 200 && !current) throw new Error('An interim answer of HTTP/1.0');
  const fields = fieldsOf(text);
  return {
    status,
    errorType: fields['x-amzn-errortype'] ?? '',
    persistent: persists(fields.connection, current),
    body: framing(status, fields),
  };
}

/** RFC 9112, 9.3. */
function persists(connection: string | undefined, current: boolean): boolean {
  if (connection === undefined) return current;
  // What nearly every answer says.
  if (connection === 'keep-alive') return true;
  const options = connection
    .toLowerCase()
    .split(',')
    .map((one) => one.trim());
  return (current || options.includes('keep-alive')) && !options.includes('close');
}

/** The status line and all headers: no lone CR or LF, no folding, no space before a colon. */
const HEAD =
  /^HTTP\/1\.[01] [1-9]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e\x80-\xff]*)*$/;

/** Those that matter; a name that comes twice has both values. */
interface Fields {
  connection: string | undefined;
  'content-length': string | undefined;
  'transfer-encoding': string | undefined;
  'x-amzn-errortype': string | undefined;
}

/** What a name of so many letters may be. */
const HEEDED: Readonly<Record<number, keyof Fields>> = {
  10: 'connection',
  14: 'content-length',
  17: 'transfer-encoding',
  16: 'x-amzn-errortype',
};

function fieldsOf(text: string): Fields {
  const fields: Fields = {
    connection: undefined,
    'content-length': undefined,
    'transfer-encoding': undefined,
    'x-amzn-errortype': undefined,
  };
  for (let at = text.indexOf('\r\n'); at !== -1; ) {
    const end = text.indexOf('\r\n', at + 2);
    const colon = text.indexOf(':', at + 2);
    const heeded = HEEDED[colon - at - 2];
    if (heeded !== undefined && text.slice(at + 2, colon).toLowerCase() === heeded) {
      const written = text.slice(colon + 1, end === -1 ? undefined : end);
      // A tab beside a length is legal, and refused by Node's parser: so it is in doubt.
      const value = heeded === 'content-length' ? written.replace(/^ +| +$/g, '') : written.trim();
      const before = fields[heeded];
      fields[heeded] = before === undefined ? value : `${before},${value}`;
    }
    at = end;
  }
  return fields;
}

/** RFC 9112, 6.3 "Message Body Length". */
function framing(status: number, fields: Fields): Head['body'] {
  const coding = fields['transfer-encoding'];
  const length = fields['content-length'];
  if (coding !== undefined) {
    if (length !== undefined || coding.toLowerCase() !== 'chunked') {
      throw new Error('The length of an answer is in doubt');
    }
    return status < 200 || BODILESS.has(status) ? 0 : 'chunked';
  }
  if (length !== undefined && !/^(?:0|[1-9]\d{0,8})$/.test(length)) {
    throw new Error('The length of an answer is in doubt');
  }
  if (status < 200 || BODILESS.has(status)) return 0;
  return length === undefined ? 'until closed' : Number(length);
}

const BODILESS: ReadonlySet<number> = new Set([204, 304]);

function withBody(
  { status, errorType, persistent, body: framed }: Head,
  rest: Buffer,
  ended: boolean,
): Response | undefined {
  if (framed === 'until closed') {
    if (!ended) return awaiting(rest, false);
    return { status, errorType, body: Buffer.from(rest), reusable: false };
  }
  const read = framed === 'chunked' ? dechunked(rest) : taken(rest, framed);
  if (read === undefined) return awaiting(rest, ended);
  // Then the end is in doubt, and with it the answer: a length that was cut short looks like this.
  if (read.end < rest.length) throw new Error('There are octets behind the answer');
  return { status, errorType, body: read.body, reusable: persistent && !ended };
}

const NOTHING = Buffer.alloc(0);

interface Read {
  readonly body: Buffer;
  /** Where it ends. */
  readonly end: number;
}

function taken(rest: Buffer, length: number): Read | undefined {
  if (length > RESPONSE_BYTES_MAX) throw new Error('The answer is too long');
  if (rest.length < length) return undefined;
  return { body: length === 0 ? NOTHING : Buffer.from(rest.subarray(0, length)), end: length };
}

/** RFC 9112, 7.1. Extensions and trailers are passed over. */
function dechunked(rest: Buffer): Read | undefined {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) return undefined;
    const line = /^([\da-f]{1,6})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/i.exec(
      rest.toString('latin1', at, lineEnd),
    );
    if (line === null) throw new Error('A chunk of the answer is broken');
    const size = Number.parseInt(line[1] ?? '', 16);
    at = lineEnd + 2;
    if (size === 0) return afterTrailers(rest, at, pieces);
    if (rest.length < at + size + 2) return undefined;
    if (rest.toString('latin1', at + size, at + size + 2) !== '\r\n') {
      throw new Error('A chunk of the answer is broken');
    }
    pieces.push(rest.subarray(at, at + size));
    at += size + 2;
  }
}

const TRAILER = /^[!#$%&'*+.^_`|~\w-]+:[\t\x20-\x7e\x80-\xff]*$/;

function afterTrailers(rest: Buffer, from: number, pieces: readonly Buffer[]): Read | undefined {
  for (let at = from; ; ) {
    const lineEnd = rest.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) return undefined;
    if (lineEnd === at) return { body: Buffer.concat(pieces), end: at + 2 };
    if (!TRAILER.test(rest.toString('latin1', at, lineEnd))) {
      throw new Error('A trailer of the answer is broken');
    }
    at = lineEnd + 2;
  }
}
