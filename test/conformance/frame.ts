/**
 * The suite's own STOMP frames, written from the specifications and sharing nothing with the
 * product: what judges a codec must not be that codec. The writer can also write wrong frames; the
 * reader is strict and keeps a list of everything a server may not do (row FRM-99).
 */
export type Version = '1.0' | '1.1' | '1.2';
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface Frame {
  readonly command: string;
  /** Decoded by the rules of the session's version. */
  readonly headers: HeaderList;
  /** As on the wire, before any unescaping. */
  readonly raw: HeaderList;
  readonly body: Buffer;
}

const CODES: Readonly<Record<string, string>> = { n: '\n', c: ':', '\\': '\\', r: '\r' };
const SERVER_COMMANDS = ['CONNECTED', 'MESSAGE', 'RECEIPT', 'ERROR'];
const NUL = 0;
const LF = 10;
const CR = 13;

export function encode(text: string, version: Version): string {
  if (version === '1.0') return text;
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll(':', '\\c');
  return version === '1.1' ? escaped : escaped.replaceAll('\r', '\\r');
}

/** The bytes of a well-formed frame. CONNECT and STOMP are never escaped (STOMP 1.2 "Value Encoding"). */
export function write(
  command: string,
  headers: HeaderList,
  options: { readonly version: Version; readonly body?: string | Buffer; readonly eol?: string },
): Buffer {
  const plain = command === 'CONNECT' || command === 'STOMP';
  const code = (text: string) => (plain ? text : encode(text, options.version));
  const eol = options.eol ?? '\n';
  const lines = headers.map(([name, value]) => `${code(name)}:${code(value)}${eol}`);
  const head = Buffer.from(`${command}${eol}${lines.join('')}${eol}`);
  return Buffer.concat([head, Buffer.from(options.body ?? ''), Buffer.from([NUL])]);
}

export function header(frame: Frame, name: string): string | undefined {
  return frame.headers.find(([key]) => key === name)?.[1];
}

export function headersNamed(frame: Frame, name: string): readonly string[] {
  return frame.headers.filter(([key]) => key === name).map(([, value]) => value);
}

/** One server's stream of octets: feed it messages, take frames, read what was wrong with them. */
export interface Reader {
  /** Frames completed by these octets. */
  feed(octets: Buffer): readonly Frame[];
  /** True inside a frame: the connection must not end here. */
  readonly unfinished: boolean;
}

export function reader(blame: (fault: string) => void): Reader {
  let pending = Buffer.alloc(0);
  let version: Version = '1.0';
  let agreed = false;

  const take = (): Frame | undefined => {
    pending = pending.subarray(endOfBeats(pending));
    const end = endOfHead(pending);
    if (end === undefined) return undefined;
    const lines = pending.subarray(0, end.at).toString('utf8').split('\n');
    const command = lineOf(lines.shift() ?? '', agreed ? version : '1.2');
    const coded = agreed && command !== 'CONNECTED';
    const raw = lines.map((line) => pair(lineOf(line, version), blame));
    if (!SERVER_COMMANDS.includes(command)) blame(`command ${JSON.stringify(command)}`);
    const headers = raw.map(([name, value]) =>
      coded
        ? ([decode(name, version, blame), decode(value, version, blame)] as const)
        : ([name, value] as const),
    );
    const body = bodyOf(pending, end.next, headers, blame);
    if (body === undefined) return undefined;
    pending = pending.subarray(body.next);
    const frame: Frame = { command, headers, raw, body: body.octets };
    if (command === 'CONNECTED') {
      agreed = true;
      version = versionOf(header(frame, 'version'));
    }
    judge(frame, agreed ? version : undefined, blame);
    return frame;
  };

  return {
    feed(octets) {
      pending = Buffer.concat([pending, octets]);
      const frames: Frame[] = [];
      for (let frame = take(); frame !== undefined; frame = take()) frames.push(frame);
      return frames;
    },
    get unfinished() {
      return pending.length > 0;
    },
  };
}

/** What every server frame owes, whatever the row asks. */
function judge(frame: Frame, version: Version | undefined, blame: (fault: string) => void): void {
  const { command, body } = frame;
  const lacks = (name: string) => {
    if (header(frame, name) === undefined) blame(`${command} without ${name}`);
  };
  if ((command === 'CONNECTED' || command === 'RECEIPT') && body.length > 0) {
    blame(`${command} with a body`);
  }
  if (command === 'RECEIPT') lacks('receipt-id');
  if (command === 'MESSAGE') {
    lacks('destination');
    lacks('message-id');
    if (version === '1.1' || version === '1.2') lacks('subscription');
  }
}

/** EOLs between frames, heart-beats among them, say nothing. */
function endOfBeats(octets: Buffer): number {
  let at = 0;
  while (octets[at] === LF || (octets[at] === CR && octets[at + 1] === LF)) {
    at += octets[at] === CR ? 2 : 1;
  }
  return at;
}

function endOfHead(octets: Buffer): { at: number; next: number } | undefined {
  for (let at = octets.indexOf(LF); at >= 0; at = octets.indexOf(LF, at + 1)) {
    if (octets[at + 1] === LF) return { at, next: at + 2 };
    if (octets[at + 1] === CR && octets[at + 2] === LF) return { at, next: at + 3 };
  }
  return undefined;
}

function lineOf(line: string, version: Version): string {
  return version === '1.2' && line.endsWith('\r') ? line.slice(0, -1) : line;
}

function pair(line: string, blame: (fault: string) => void): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon < 0) blame(`header line without a colon: ${JSON.stringify(line)}`);
  return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1)];
}

function decode(text: string, version: Version, blame: (fault: string) => void): string {
  if (version === '1.0') return text;
  if (text.includes(':')) blame(`raw colon in a header: ${JSON.stringify(text)}`);
  if (version === '1.2' && text.includes('\r')) blame(`raw CR in ${JSON.stringify(text)}`);
  return text.replace(/\\([\s\S]?)/g, (whole, code: string) => {
    const decoded = code === 'r' && version === '1.1' ? undefined : CODES[code];
    if (decoded === undefined) blame(`undefined escape in ${JSON.stringify(text)}`);
    return decoded ?? whole;
  });
}

function bodyOf(
  octets: Buffer,
  start: number,
  headers: HeaderList,
  blame: (fault: string) => void,
): { octets: Buffer; next: number } | undefined {
  const counted = headers.find(([name]) => name === 'content-length')?.[1];
  if (counted === undefined) {
    const end = octets.indexOf(NUL, start);
    return end < 0 ? undefined : { octets: octets.subarray(start, end), next: end + 1 };
  }
  if (!/^\d+$/.test(counted)) blame(`content-length ${JSON.stringify(counted)}`);
  const end = start + (Number.parseInt(counted, 10) || 0);
  if (octets.length <= end) return undefined;
  if (octets[end] !== NUL) blame(`no NUL after content-length:${counted}`);
  return { octets: octets.subarray(start, end), next: end + 1 };
}

function versionOf(text: string | undefined): Version {
  return text === '1.1' || text === '1.2' ? text : '1.0';
}
