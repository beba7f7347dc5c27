import { BrokerError, type ErrorCode } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import { type Frame, frameBytes, parseFrame, skipEols } from '../../protocol/stomp/frame.ts';

/** Latin-1, so that a test can write any octet; `^@` is NUL, as in the specification. */
const octets = (text: string) => Buffer.from(text.replaceAll('^@', '\0'), 'latin1');

function parse(bytes: Buffer, version: string | undefined, limits = LIMITS) {
  return parseFrame(bytes, skipEols(bytes, 0), version, limits);
}

function frame(bytes: Buffer, version: string | undefined): Frame {
  const parsed = parse(bytes, version);
  if (typeof parsed === 'string' || parsed instanceof BrokerError) throw new Error(String(parsed));
  return parsed;
}

const VERSIONS = ['1.0', '1.1', '1.2'] as const;
const SEND = 'SEND\ndestination:/a\n';

describe('framing', () => {
  test.each([
    ['FRM-02', '1.2', 'SEND\r\nfoo:bar\r\n\r\na\r\nb^@', 'SEND', [['foo', 'bar']], 'a\r\nb'],
    ['FRM-03', '1.2', 'SEND\r\nfoo:bar\n\r\n^@', 'SEND', [['foo', 'bar']], ''],
    ['FRM-03', '1.2', 'SEND\nfoo:bar\r\n\n^@', 'SEND', [['foo', 'bar']], ''],
    ['FRM-04', '1.1', 'SEND\nfoo:bar\r\n\n^@', 'SEND', [['foo', 'bar\r']], ''],
    ['FRM-04', '1.0', 'SEND\nfoo:bar\r\n\n^@', 'SEND', [['foo', 'bar\r']], ''],
    ['CON-20', undefined, 'CONNECT\r\nhost:a\r\n\r\n^@', 'CONNECT', [['host', 'a']], ''],
    ['FRM-06', undefined, '\n\r\nCONNECT\n\n^@', 'CONNECT', [], ''],
    [
      'FRM-08b',
      '1.2',
      'SEND\nX-Case:1\nx-case:2\n\n^@',
      'SEND',
      [
        ['X-Case', '1'],
        ['x-case', '2'],
      ],
      '',
    ],
    ['FRM-11', '1.2', 'SEND\nempty:\n\n^@', 'SEND', [['empty', '']], ''],
    ['HDR-11/12', '1.2', 'SEND\n a : b \n\n^@', 'SEND', [[' a ', ' b ']], ''],
    ['HDR-08', '1.0', 'SEND\nfoo:a:b:c\n\n^@', 'SEND', [['foo', 'a:b:c']], ''],
    ['HDR-07', '1.0', 'SEND\nfoo:a\\cb\\t\n\n^@', 'SEND', [['foo', 'a\\cb\\t']], ''],
    ['CON-21', '1.2', 'CONNECT\nx-note:a\\tb\\\n\n^@', 'CONNECT', [['x-note', 'a\\tb\\']], ''],
    ['CON-21', undefined, 'STOMP\nx-note:a\\tb\\\n\n^@', 'STOMP', [['x-note', 'a\\tb\\']], ''],
    ['CON-21b', '1.2', 'CONNECT\nx-note:a:b:c\n\n^@', 'CONNECT', [['x-note', 'a:b:c']], ''],
    ['HDR-01', '1.1', 'SEND\nfoo:a\\cb\\nc\\\\d\\\\n\n\n^@', 'SEND', [['foo', 'a:b\nc\\d\\n']], ''],
    ['HDR-01', '1.2', 'SEND\nfoo:a\\cb\\nc\\\\d\\r\n\n^@', 'SEND', [['foo', 'a:b\nc\\d\r']], ''],
    ['HDR-03', '1.2', 'SEND\na\\cb\\\\:v\n\n^@', 'SEND', [['a:b\\', 'v']], ''],
    [
      'HDR-14',
      '1.2',
      'SEND\nfoo:1\nfoo:2\n\n^@',
      'SEND',
      [
        ['foo', '1'],
        ['foo', '2'],
      ],
      '',
    ],
    ['NUL in a header', '1.2', 'SEND\nfoo:a^@b\n\n^@', 'SEND', [['foo', 'a\0b']], ''],
    [
      'BOD-01',
      '1.2',
      'SEND\ncontent-length:6\n\na^@b^@^@c^@',
      'SEND',
      [['content-length', '6']],
      'a\0b\0\0c',
    ],
    ['BOD-02', '1.2', 'SEND\n\nab^@', 'SEND', [], 'ab'],
    ['BOD-03', '1.2', 'SEND\ncontent-length:0\n\n^@', 'SEND', [['content-length', '0']], ''],
    ['BOD-10', '1.2', 'SEND\n\n\n\nab\n\n^@', 'SEND', [], '\n\nab\n\n'],
    [
      'HDR-16',
      '1.2',
      'SEND\ncontent-length:1\ncontent-length:9\n\na^@',
      'SEND',
      [
        ['content-length', '1'],
        ['content-length', '9'],
      ],
      'a',
    ],
  ])('%s: version %s reads %j', (_row, version, text, command, headers, body) => {
    const parsed = frame(octets(text), version);
    expect(parsed).toMatchObject({ command, headers });
    expect(Buffer.from(parsed.body).toString('latin1')).toBe(body);
  });

  test('HDR-13: names and values are UTF-8', () => {
    const text = 'SEND\nclé:größe 😀 \ufffd\n\n\0';
    expect(frame(Buffer.from(text), '1.2').headers).toEqual([['clé', 'größe 😀 \ufffd']]);
  });

  test('BOD-06: content-length counts octets, not characters', () => {
    const body = 'äöü😀';
    const text = `SEND\ncontent-length:${Buffer.byteLength(body)}\n\n${body}\0`;
    expect(Buffer.from(frame(Buffer.from(text), '1.2').body).toString()).toBe(body);
  });

  test('BOD-09: a body may hold all 256 octets', () => {
    const body = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    const bytes = frameBytes('SEND', [['content-length', '256']], body, '1.2');
    expect(Buffer.from(frame(bytes, '1.2').body)).toEqual(body);
  });

  test('a body is a view of the input, and its slice a copy', () => {
    const bytes = Uint8Array.from(octets(`${SEND}\nbody^@`));
    const { body } = frame(Buffer.from(bytes.buffer), '1.2');
    expect(body.buffer).toBe(bytes.buffer);
    expect(body.slice().buffer).not.toBe(bytes.buffer);
  });

  test('FRM-05: ends of line between frames are skipped in every version', () => {
    for (const version of VERSIONS) {
      const bytes = octets('\n\r\n\r\n\nSEND\n\n^@\n\r\n\nACK\n\n^@');
      const first = frame(bytes, version);
      expect(first.command).toBe('SEND');
      const next = parseFrame(bytes, skipEols(bytes, first.end), version, LIMITS);
      expect(next).toMatchObject({ command: 'ACK', end: bytes.length });
    }
  });

  test('FRM-18: a frame within a counted body is body', () => {
    const inner = '^@SEND\n\nx^@';
    const parsed = frame(octets(`SEND\ncontent-length:9\n\n${inner}^@`), '1.2');
    expect(Buffer.from(parsed.body)).toEqual(octets(inner));
  });
});

describe('faults', () => {
  test.each<[string, string | undefined, string, ErrorCode]>([
    ['FRM-10', '1.2', 'SEND\nfoo\n\n^@', 'header-malformed'],
    ['FRM-10', '1.0', 'SEND\nfoo\n\n^@', 'header-malformed'],
    ['FRM-10', '1.1', 'SEND\n\r\n\n^@', 'header-malformed'],
    ['empty name', '1.2', 'SEND\n:v\n\n^@', 'header-malformed'],
    ['FRM-15', '1.2', 'SEND\ncontent-length:3\n\nabcdef^@', 'header-malformed'],
    ['FRM-16', '1.2', 'SEND\ncontent-length:abc\n\nabc^@', 'header-malformed'],
    ['FRM-16', '1.2', 'SEND\ncontent-length:\n\nabc^@', 'header-malformed'],
    ['FRM-16', '1.2', 'SEND\ncontent-length:1e1\n\nabc^@', 'header-malformed'],
    ['FRM-17', '1.0', 'SEND\ncontent-length:-1\n\nabc^@', 'header-malformed'],
    ['HDR-04', '1.1', 'SEND\nfoo:a\\tb\n\n^@', 'header-malformed'],
    ['HDR-04', '1.2', 'SEND\nfoo:a\\tb\n\n^@', 'header-malformed'],
    ['HDR-04', '1.2', 'SEND\nf\\too:a\n\n^@', 'header-malformed'],
    ['HDR-05', '1.1', 'SEND\nfoo:a\\rb\n\n^@', 'header-malformed'],
    ['HDR-10', '1.2', 'SEND\nfoo:a\\\n\n^@', 'header-malformed'],
    ['HDR-10', '1.1', 'SEND\nfoo:a\\\\\\\n\n^@', 'header-malformed'],
    ['invalid UTF-8', '1.2', 'SEND\nfoo:\xff\xfe\n\n^@', 'header-malformed'],
    ['invalid UTF-8', undefined, 'CONNECT\nfoo:\xc3\n\n^@', 'header-malformed'],
    ['no empty line', '1.2', 'SEND\nfoo:a\n^@', 'header-malformed'],
    ['no headers', '1.2', 'DISCONNECT^@', 'header-malformed'],
    ['lone NUL', '1.2', '^@', 'header-malformed'],
  ])('%s: version %s refuses %j', (_row, version, text, code) => {
    const parsed = parse(octets(text), version);
    if (!(parsed instanceof BrokerError)) throw new Error('not refused');
    expect(parsed.code).toBe(code);
    expect(parsed.mend).toMatch(/\w+ \w+/);
  });

  test('a fault of the head is told before the body has come', () => {
    expect(parse(octets('SEND\ncontent-length:x\n\n'), '1.2')).toBeInstanceOf(BrokerError);
    expect(parse(octets('SEND\nfoo\n\n'), '1.2')).toBeInstanceOf(BrokerError);
  });

  test('what is cut short is incomplete at every octet, and whole at the last', () => {
    const bytes = octets('SEND\r\nfoo:\xc3\xa4\r\ncontent-length:4\r\n\r\na^@^@b^@');
    for (let end = 1; end < bytes.length; end++) {
      expect(parse(bytes.subarray(0, end), '1.2')).toBe('incomplete');
    }
    expect(frame(bytes, '1.2').end).toBe(bytes.length);
  });
});

describe('limits', () => {
  const small = { headersMax: 3, headerLineBytesMax: 20, headerBytesMax: 40, publishBytesMax: 100 };
  const code = (text: string, version = '1.2') => {
    const parsed = parseFrame(octets(text), 0, version, small);
    return parsed instanceof BrokerError
      ? parsed.code
      : typeof parsed === 'string'
        ? parsed
        : 'frame';
  };
  const line = (length: number) => `a:${'v'.repeat(length - 2)}`;

  test.each([
    ['as many headers as allowed', `S\n${'a:1\n'.repeat(3)}\n^@`, 'frame'],
    ['one header more', `S\n${'a:1\n'.repeat(4)}\n^@`, 'too-many-headers'],
    ['one header more, unfinished', `S\n${'a:1\n'.repeat(4)}`, 'too-many-headers'],
    ['the longest line', `S\n${line(20)}\n\n^@`, 'frame'],
    ['the longest line with CR', `S\n${line(20)}\r\n\r\n^@`, 'frame'],
    ['a longer line', `S\n${line(21)}\n\n^@`, 'too-many-headers'],
    ['a longer line, unfinished', `S\n${line(22)}`, 'too-many-headers'],
    ['a line that may end yet', `S\n${line(20)}\r`, 'incomplete'],
    ['the largest header block', `S\n${line(19)}\n${line(19)}\n\n^@`, 'frame'],
    ['the largest header block with CR', `S\r\n${line(18)}\r\n${line(18)}\r\n\r\n^@`, 'frame'],
    ['a larger header block', `S\n${line(20)}\n${line(19)}\n\n^@`, 'too-many-headers'],
    ['a larger header block, unfinished', `S\n${line(20)}\n${line(19)}\n`, 'too-many-headers'],
    ['a larger header block, within a line', `S\n${line(20)}\n${line(20)}x`, 'too-many-headers'],
    ['the longest command', `${'S'.repeat(20)}\n\n^@`, 'frame'],
    ['a command that never ends', 'S'.repeat(30), 'too-many-headers'],
    ['the largest frame, by NUL', `S\n\n${'b'.repeat(97)}^@`, 'frame'],
    ['a larger frame, by NUL', `S\n\n${'b'.repeat(98)}^@`, 'frame-too-large'],
    ['a larger frame, unfinished', `S\n\n${'b'.repeat(98)}`, 'frame-too-large'],
    ['a larger frame, only announced', 'S\ncontent-length:100\n\n', 'frame-too-large'],
    ['a frame without measure', `S\ncontent-length:${'9'.repeat(5)}\n\n`, 'frame-too-large'],
  ])('LIM-01/02/03: %s', (_name, text, expected) => {
    expect(code(text)).toBe(expected);
  });

  test('an endless length is too large, not infinite', () => {
    const text = `SEND\ncontent-length:${'9'.repeat(400)}\n\n`;
    expect(parse(octets(text), '1.2')).toHaveProperty('code', 'frame-too-large');
  });

  test('CR counts as an octet of the line where it is one', () => {
    expect(code(`S\n${line(20)}\r\n\n^@`, '1.1')).toBe('too-many-headers');
  });

  test('a header block without end is refused no later than its limit and a line', () => {
    for (const piece of ['a:b\n', 'a', 'a:\xff\n', 'abc\n']) {
      const flood = octets(`SEND\n${piece.repeat(LIMITS.headerBytesMax)}`);
      expect(parse(flood.subarray(0, LIMITS.headerBytesMax + 8), '1.2')).toBeInstanceOf(
        BrokerError,
      );
    }
  });
});
