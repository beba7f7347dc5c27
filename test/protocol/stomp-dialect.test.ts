import { BrokerError, type ErrorCode } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Command, Message, Reply } from '../../broker/model.ts';
import { stompDialect, stompWithin } from '../../protocol/stomp/dialect.ts';

const octets = (text: string) => Buffer.from(text.replaceAll('^@', '\0'));
const decode = (text: string, version: string | undefined = '1.2') =>
  stompDialect.decode(octets(text), version).commands;

function only(text: string, version?: string): Command {
  const commands = decode(text, version);
  if (commands.length !== 1 || commands[0] === undefined) throw new Error(`${commands.length}`);
  return commands[0];
}

function refusal(text: string, version?: string) {
  const last = decode(text, version).at(-1);
  if (last?.type !== 'refused') throw new Error('not refused');
  return { code: last.error.code, receipt: last.receipt, error: last.error };
}

/** Before CONNECT. */
const opening = (text: string) => stompDialect.decode(octets(text), undefined).commands;

describe('CONNECT', () => {
  test.each([
    ['CON-02', 'accept-version:1.0\n', '1.0'],
    ['CON-02', 'accept-version:1.1\n', '1.1'],
    ['CON-02', 'accept-version:1.2\n', '1.2'],
    ['CON-05', '', '1.0'],
    ['CON-06', 'accept-version:1.0,1.1,1.2\n', '1.2'],
    ['CON-07', 'accept-version:1.0,1.1,2.0\n', '1.1'],
    ['CON-08', 'accept-version:1.2,1.0\n', '1.2'],
    ['CON-08', 'accept-version: 1.2 , 1.0\n', '1.2'],
    ['CON-09', 'accept-version:9.8,9.9\n', undefined],
    ['CON-09', 'accept-version:\n', undefined],
    ['CON-22', 'accept-version:1.1\naccept-version:1.2\n', '1.1'],
  ])('%s: %j agrees on %s, by CONNECT and STOMP alike', (_row, header, version) => {
    expect(opening(`CONNECT\n${header}\n^@`)).toMatchObject([{ type: 'connect', version }]);
    expect(opening(`STOMP\n${header}\n^@`)).toEqual(opening(`CONNECT\n${header}\n^@`));
  });

  test('says what the client said, and leaves the passcode out of its other headers', () => {
    const text =
      'CONNECT\naccept-version:1.2\nhost:h\nlogin:l\npasscode:p\nheart-beat:0,9\nx:y\n\n^@';
    expect(opening(text)).toEqual([
      {
        type: 'connect',
        version: '1.2',
        host: 'h',
        login: 'l',
        passcode: 'p',
        heartBeat: [0, 9],
        headers: [['x', 'y']],
      },
    ]);
  });

  test.each([
    ['0,0', [0, 0]],
    ['10000,20000', [10_000, 20_000]],
    ['9'.repeat(30).concat(',1'), [Number.MAX_SAFE_INTEGER, 1]],
  ])('HBT-11: heart-beat %s is understood', (text, heartBeat) => {
    const [command] = opening(`CONNECT\naccept-version:1.2\nheart-beat:${text}\n\n^@`);
    expect(command).toMatchObject({ type: 'connect', heartBeat });
  });

  test.each(['-5,0', '1', '1,2,3', 'a,b', '', ',', '1.5,0'])('HBT-12: %j is refused', (text) => {
    const [command] = opening(`CONNECT\naccept-version:1.2\nheart-beat:${text}\n\n^@`);
    expect(command).toMatchObject({ type: 'refused', error: { code: 'header-malformed' } });
  });

  test('WSK-07b: the version agreed on holds for the frames behind, escapes and all', () => {
    const send = 'SEND\ndestination:/a\nfoo:a\\cb\r\n\n^@';
    const seen = (version: string) => {
      const [, command] = opening(`CONNECT\naccept-version:${version}\n\n^@${send}`);
      return command?.type === 'send' ? command.headers : command?.type;
    };
    expect(seen('1.0')).toEqual([['foo', 'a\\cb\r']]);
    expect(seen('1.1')).toEqual([['foo', 'a:b\r']]);
    expect(seen('1.2')).toEqual([['foo', 'a:b']]);
  });

  test('CON-09: nothing is read behind a CONNECT that agrees on nothing', () => {
    const text = 'CONNECT\naccept-version:9.9\n\n^@SEND\ndestination:/a\n\n^@';
    expect(opening(text)).toHaveLength(1);
  });

  test('CON-12: a SEND before CONNECT is read, for the broker to refuse', () => {
    expect(opening('SEND\ndestination:/a\nx:\\t\n\n^@')).toMatchObject([{ type: 'send' }]);
  });
});

describe('commands', () => {
  test.each<[string, string, string, object]>([
    [
      'MSG-05',
      '1.2',
      'SEND\ndestination:/a\nx:1\n\nb^@',
      { type: 'send', destination: '/a', headers: [['x', '1']] },
    ],
    [
      'TXN-01',
      '1.2',
      'SEND\ndestination:/a\ntransaction:t\n\n^@',
      { type: 'send', transaction: 't', headers: [] },
    ],
    [
      'BOD-07',
      '1.2',
      'SEND\ndestination:/a\ncontent-type:t\n\n^@',
      { headers: [['content-type', 't']] },
    ],
    [
      'MSG-14/15',
      '1.2',
      'SEND\ndestination:/a\nsubscription:9\nmessage-id:9\nack:9\n\n^@',
      { headers: [] },
    ],
    [
      'HDR-15',
      '1.2',
      'SEND\ndestination:/a\ndestination:/b\n\n^@',
      { destination: '/a', headers: [] },
    ],
    [
      'HDR-14',
      '1.2',
      'SEND\ndestination:/a\nx:1\nx:2\n\n^@',
      {
        headers: [
          ['x', '1'],
          ['x', '2'],
        ],
      },
    ],
    [
      'SUB-13',
      '1.2',
      'SUBSCRIBE\nid:0\ndestination:/a\n\n^@',
      { type: 'subscribe', id: '0', destination: '/a', ack: 'auto', headers: [] },
    ],
    ['ACK-01', '1.2', 'SUBSCRIBE\nid:0\ndestination:/a\nack:client\n\n^@', { ack: 'client' }],
    [
      'ACK-01',
      '1.1',
      'SUBSCRIBE\nid:0\ndestination:/a\nack:client-individual\nx:1\n\n^@',
      { ack: 'client-individual', headers: [['x', '1']] },
    ],
    ['SUB-03', '1.0', 'SUBSCRIBE\ndestination:/a\n\n^@', { id: '/a', destination: '/a' }],
    ['SUB-04', '1.0', 'SUBSCRIBE\nid:0\ndestination:/a\n\n^@', { id: '0', destination: '/a' }],
    [
      'FRM-14',
      '1.0',
      'SUBSCRIBE\ndestination:/a\n\nbody^@',
      { type: 'subscribe', destination: '/a' },
    ],
    [
      'SUB-03',
      '1.0',
      'UNSUBSCRIBE\ndestination:/a\n\n^@',
      { type: 'unsubscribe', destination: '/a' },
    ],
    ['SUB-04', '1.0', 'UNSUBSCRIBE\nid:0\n\n^@', { type: 'unsubscribe', id: '0' }],
    ['SUB-09', '1.2', 'UNSUBSCRIBE\nid:0\n\n^@', { type: 'unsubscribe', id: '0' }],
    ['ACK-02', '1.0', 'ACK\nmessage-id:m\n\n^@', { type: 'ack', id: 'm' }],
    [
      'ACK-02',
      '1.1',
      'ACK\nmessage-id:m\nsubscription:s\n\n^@',
      { type: 'ack', id: 'm', subscription: 's' },
    ],
    ['ACK-02', '1.2', 'ACK\nid:m\n\n^@', { type: 'ack', id: 'm' }],
    [
      'ACK-09',
      '1.1',
      'NACK\nmessage-id:m\nsubscription:s\n\n^@',
      { type: 'nack', id: 'm', subscription: 's' },
    ],
    [
      'ACK-22',
      '1.2',
      'NACK\nid:m\ntransaction:t\n\n^@',
      { type: 'nack', id: 'm', transaction: 't', headers: [] },
    ],
    ['TXN-17', '1.0', 'BEGIN\ntransaction:t\n\n^@', { type: 'begin', transaction: 't' }],
    ['TXN-17', '1.1', 'COMMIT\ntransaction:t\n\n^@', { type: 'commit', transaction: 't' }],
    ['TXN-02', '1.2', 'ABORT\ntransaction:t\n\n^@', { type: 'abort', transaction: 't' }],
    ['DIS-02', '1.2', 'DISCONNECT\n\n^@', { type: 'disconnect' }],
  ])('%s: in %s %j is understood', (_row, version, text, expected) => {
    expect(only(text, version)).toMatchObject(expected);
  });

  test('a key stands only where there is a value', () => {
    expect(Object.keys(only('SEND\ndestination:/a\n\n^@')).sort()).toEqual([
      'body',
      'destination',
      'headers',
      'type',
    ]);
    expect(Object.keys(only('UNSUBSCRIBE\nid:0\n\n^@'))).not.toContain('destination');
  });

  test.each([
    'SEND\ndestination:/a\n',
    'SUBSCRIBE\nid:0\ndestination:/a\n',
    'UNSUBSCRIBE\nid:0\n',
    'BEGIN\ntransaction:t\n',
    'COMMIT\ntransaction:t\n',
    'ABORT\ntransaction:t\n',
    'ACK\nid:m\n',
    'NACK\nid:m\n',
    'DISCONNECT\n',
  ])('RCP-01..04, HDR-19: %j carries its receipt', (head) => {
    expect(only(`${head}receipt:r\\c1\\\\2 é\\n3\n\n^@`)).toHaveProperty('receipt', 'r:1\\2 é\n3');
    expect(only(`${head}\n^@`)).not.toHaveProperty('receipt');
  });
});

describe('refusals', () => {
  test.each<[string, string, string, ErrorCode]>([
    ['MSG-01', '1.2', 'SEND\n', 'header-missing'],
    ['FRM-08', '1.2', 'SEND\nDestination:/a\n', 'header-missing'],
    ['SUB-01', '1.2', 'SUBSCRIBE\nid:0\n', 'header-missing'],
    ['SUB-01', '1.0', 'SUBSCRIBE\nid:0\n', 'header-missing'],
    ['SUB-02', '1.1', 'SUBSCRIBE\ndestination:/a\n', 'header-missing'],
    ['SUB-02', '1.2', 'SUBSCRIBE\ndestination:/a\n', 'header-missing'],
    ['SUB-08', '1.1', 'SUBSCRIBE\nid:0\ndestination:/a\nack:sometimes\n', 'header-malformed'],
    ['SUB-08', '1.2', 'SUBSCRIBE\nid:0\ndestination:/a\nack:\n', 'header-malformed'],
    ['SUB-10', '1.2', 'UNSUBSCRIBE\ndestination:/a\n', 'header-missing'],
    ['SUB-10', '1.0', 'UNSUBSCRIBE\n', 'header-missing'],
    ['ACK-12', '1.2', 'ACK\nmessage-id:m\nsubscription:s\n', 'header-missing'],
    ['ACK-16', '1.2', 'NACK\nmessage-id:m\nsubscription:s\n', 'header-missing'],
    ['ACK-13', '1.1', 'ACK\nmessage-id:m\n', 'header-missing'],
    ['ACK-14', '1.1', 'ACK\nsubscription:s\n', 'header-missing'],
    ['ACK-14', '1.0', 'ACK\nid:m\n', 'header-missing'],
    ['NACK of 1.0', '1.0', 'NACK\nmessage-id:m\n', 'unknown-command'],
    ['TXN-03', '1.2', 'BEGIN\n', 'header-missing'],
    ['TXN-03', '1.1', 'COMMIT\n', 'header-missing'],
    ['TXN-03', '1.0', 'ABORT\n', 'header-missing'],
    ['FRM-07', '1.2', 'send\ndestination:/a\n', 'unknown-command'],
    ['FRM-09', '1.2', 'GREET\n', 'unknown-command'],
    ['FRM-09', '1.2', 'MESSAGE\n', 'unknown-command'],
    ['HDR-04', '1.1', 'SEND\ndestination:/a\nfoo:a\\tb\n', 'header-malformed'],
    ['FRM-10', '1.2', 'SEND\ndestination:/a\nfoo\n', 'header-malformed'],
    ['FRM-16', '1.2', 'SEND\ndestination:/a\ncontent-length:abc\n', 'header-malformed'],
  ])('%s, ERR-03: %s refuses %j and names the receipt', (_row, version, head, code) => {
    const { error, ...told } = refusal(`${head}receipt:wrong-1\n\n^@`, version);
    expect(told).toEqual({ code, receipt: 'wrong-1' });
    expect(error.message.length).toBeLessThanOrEqual(100);
    expect(error.mend).toMatch(/\w+ \w+/);
    expect(refusal(`${head}\n^@`, version)).toMatchObject({ code, receipt: undefined });
  });

  test('ERR-03: a receipt that cannot be read is not guessed', () => {
    expect(refusal('SEND\nreceipt:a\\tb\n\n^@')).toMatchObject({ receipt: undefined });
    expect(refusal('SEND\nbroken\nx:1\n\nreceipt:body^@')).toMatchObject({ receipt: undefined });
    expect(refusal('SEND\nbroken\nreceipt:a\\cb\r\n\n^@')).toMatchObject({ receipt: 'a:b' });
  });

  test('decoding stops at a refusal: what came before stands, what comes after is not read', () => {
    const commands = decode('SEND\ndestination:/a\n\n^@SEND\n\n^@SEND\ndestination:/a\n\n^@SEND');
    expect(commands.map(({ type }) => type)).toEqual(['send', 'refused']);
    expect(stompDialect.decode(octets('SEND\n\n^@SEND'), '1.2')).not.toHaveProperty('half');
  });

  test.each([
    ['id', (value: string) => `SUBSCRIBE\nid:${value}\ndestination:/a\n`, 256],
    ['id', (value: string) => `UNSUBSCRIBE\nid:${value}\n`, 256],
    ['receipt', (value: string) => `DISCONNECT\nreceipt:${value}\n`, 256],
    ['transaction', (value: string) => `BEGIN\ntransaction:${value}\n`, 256],
    ['transaction', (value: string) => `SEND\ndestination:/a\ntransaction:${value}\n`, 256],
  ])('RCP-10: a %s may have so many octets of UTF-8, and not one more', (_name, head, bytesMax) => {
    const longest = 'é'.repeat(bytesMax / 2);
    expect(only(`${head(longest)}\n^@`).type).not.toBe('refused');
    expect(refusal(`${head(`${longest}x`)}\n^@`)).toMatchObject({ code: 'header-malformed' });
  });

  test('a 1.0 subscription named by too long a destination is refused', () => {
    const text = `SUBSCRIBE\ndestination:/topic/${'a'.repeat(300)}\n\n^@`;
    expect(refusal(text, '1.0')).toMatchObject({ code: 'header-malformed' });
  });

  test('one message holds so many frames, and not one more', () => {
    const dialect = stompWithin({ ...LIMITS, framesPerMessageMax: 3 });
    const begin = 'BEGIN\ntransaction:t\n\n^@\n';
    const types = (count: number, rest = '') =>
      dialect.decode(octets(begin.repeat(count) + rest), '1.2').commands.map(({ type }) => type);
    expect(types(3, '\n\n')).toEqual(['begin', 'begin', 'begin']);
    expect(types(4)).toEqual(['begin', 'begin', 'begin', 'refused']);
  });
});

describe('halves', () => {
  test.each(['', '\n', '\r\n', '\n\n\n', '\r'])(
    'HBT-08, WSK-15: %j is no command and no half',
    (text) => {
      expect(stompDialect.decode(octets(text), '1.2')).toEqual({ commands: [] });
    },
  );

  test('WSK-10, WSK-13: whole frames are commands, the rest is the half', () => {
    const decoded = stompDialect.decode(
      octets('\n\nBEGIN\ntransaction:t\n\n^@\n\r\nSEND\ndest'),
      '1.2',
    );
    expect(decoded.commands).toMatchObject([{ type: 'begin' }]);
    expect(Buffer.from(decoded.half ?? []).toString()).toBe('SEND\ndest');
  });
});

describe('replies', () => {
  const written = (reply: Reply, version: string | undefined) =>
    Buffer.from(stompDialect.encode(reply, version)).toString().replaceAll('\0', '^@');

  test('CON-15/16/17, HBT-03: CONNECTED has version, heart-beat, session, server; no escapes', () => {
    const reply: Reply = {
      type: 'connected',
      version: '1.2',
      session: 'a:b\\c',
      heartBeat: [0, 240_000],
      server: 'stompway/0.1.0',
    };
    const frame =
      'CONNECTED\nversion:1.2\nheart-beat:0,240000\nsession:a:b\\c\nserver:stompway/0.1.0\n\n^@';
    expect(written(reply, '1.2')).toBe(frame);
    expect(written(reply, undefined)).toBe(frame);
  });

  test.each([
    ['1.0', 'r:1\\2 é 3\r'],
    ['1.1', 'r\\c1\\\\2 é\\n3\r'],
    ['1.2', 'r\\c1\\\\2 é\\n3\\r'],
    [undefined, 'r:1\\2 é 3\r'],
  ])('HDR-19: a receipt is escaped as %s says', (version, receipt) => {
    const reply: Reply = { type: 'receipt', receipt: 'r:1\\2 é\n3\r', headers: [['x', 'y']] };
    expect(written(reply, version)).toBe(`RECEIPT\nreceipt-id:${receipt}\nx:y\n\n^@`);
  });

  test('ERR-02/03/04: ERROR has message, code, receipt-id, type, length and words', () => {
    const error = new BrokerError('header-missing', 'No: a\\b', 'Größe.', [['version', '1.0,1.1']]);
    const head = (message: string, receipt: string) =>
      `ERROR\nmessage:${message}\ncode:header-missing\n${receipt}version:1.0,1.1\n`;
    const tail = 'content-type:text/plain\ncontent-length:8\n\nGröße.^@';
    expect(written({ type: 'error', error, receipt: 'r' }, '1.2')).toBe(
      `${head('No\\c a\\\\b', 'receipt-id:r\n')}${tail}`,
    );
    expect(written({ type: 'error', error }, undefined)).toBe(`${head('No: a\\b', '')}${tail}`);
  });
});

describe('MESSAGE', () => {
  const message = (headers: Message['headers'], body = 'hello'): Message => ({
    id: 'm-1',
    destination: '/topic/a:b',
    headers,
    body: Buffer.from(body),
  });
  const written = (sent: Message, version: string, subscription = '0', ack?: string) =>
    Buffer.from(stompDialect.message(sent, version)(subscription, ack))
      .toString()
      .replaceAll('\0', '^@');

  test('ACK-01, MSG-02/04: subscription and ack come first, then what all receivers share', () => {
    expect(written(message([['x', '1']]), '1.2', 's', 'k')).toBe(
      'MESSAGE\nsubscription:s\nack:k\nmessage-id:m-1\ndestination:/topic/a\\cb\ncontent-length:5\nx:1\n\nhello^@',
    );
  });

  test.each([
    ['1.0', 'foo:a:b\\c'],
    ['1.1', 'foo:a\\cb\\\\c'],
    ['1.2', 'foo:a\\cb\\\\c'],
  ])('HDR-09: a %s subscriber reads %s', (version, line) => {
    expect(written(message([['foo', 'a:b\\c']]), version).split('\n')).toContain(line);
  });

  test('a 1.0 subscriber gets no header that a sender hid in another', () => {
    const hidden = message([
      ['a\nack', '1\n\nMESSAGE\0'],
      ['content-length:1', 'x'],
    ]);
    expect(written(hidden, '1.0')).toBe(
      'MESSAGE\nsubscription:0\nmessage-id:m-1\ndestination:/topic/a:b\ncontent-length:5\n' +
        'a ack:1  MESSAGE \ncontent-length_1:x\n\nhello^@',
    );
  });

  test('MSG-14/15, BOD-12: the broker’s own headers stand once, whatever the sender gave', () => {
    const forged = ['subscription', 'message-id', 'ack', 'destination', 'content-length', ''];
    const text = written(message(forged.map((name) => [name, 'forged'])), '1.2');
    expect(text).not.toContain('forged');
    expect(text.match(/content-length/g)).toHaveLength(1);
  });

  test('BOD-05/06: content-length counts octets, of an empty body too', () => {
    expect(written(message([], 'äö'), '1.1')).toContain('content-length:4\n');
    expect(written(message([], ''), '1.1')).toContain('content-length:0\n');
  });

  test('HDR-20: a subscription id is escaped for its receiver', () => {
    expect(written(message([]), '1.2', 'sub:1 \\ x')).toContain('subscription:sub\\c1 \\\\ x\n');
    expect(written(message([]), '1.0', 'a\nb')).toContain('subscription:a b\n');
  });
});

test.each([
  ['short first', ['s', 'l'.repeat(250), 's']],
  ['long first', ['l'.repeat(250), 's', 'l'.repeat(250)]],
])('each receiver has its own headers before what all share: %s', (_name, subscriptions) => {
  const splice = stompDialect.message(
    { id: 'm-1', destination: '/topic/a', headers: [['x', '1']], body: Buffer.from('hello') },
    '1.2',
  );
  const shared = 'message-id:m-1\ndestination:/topic/a\ncontent-length:5\nx:1\n\nhello\0';
  const told = subscriptions.flatMap((id) => [splice(id), splice(id, 'a-1')]);
  expect(told.map((frame) => Buffer.from(frame).toString())).toEqual(
    subscriptions.flatMap((id) => [
      `MESSAGE\nsubscription:${id}\n${shared}`,
      `MESSAGE\nsubscription:${id}\nack:a-1\n${shared}`,
    ]),
  );
});

test('octets that are no text travel as base64, and say so, in both directions', () => {
  const octets = Buffer.from([0, 128, 255]);
  const told = stompDialect.message(
    { id: 'm-1', destination: '/topic/a', headers: [], body: octets },
    '1.2',
  )('s');
  expect(Buffer.from(told).toString()).toContain('\nbody-encoding:base64\n\nAID/\0');
  const send = (body: string) =>
    stompDialect.decode(
      Buffer.from(`SEND\ndestination:/topic/a\nbody-encoding:base64\n\n${body}\0`),
      '1.2',
    ).commands;
  expect(send('AID/')).toMatchObject([{ type: 'send', body: octets, headers: [] }]);
  expect(send('no base64')).toMatchObject([{ type: 'refused' }]);
});
