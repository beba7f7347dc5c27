import { type Frame, reader } from './frame.ts';
import { wanted } from './run.ts';
import { RUN_WIDE, table } from './table.ts';
import { WAIVERS } from './waivers.ts';

const ids = [...table.map(({ id }) => id), RUN_WIDE.id];
const known = new Set(ids.flatMap((id) => [id, id.split('/')[0] ?? id]));

/** Frames and faults found in these octets, fed one at a time. */
function judged(wire: string): { frames: readonly Frame[]; faults: readonly string[] } {
  const faults: string[] = [];
  const stream = reader((fault) => faults.push(fault));
  const octets = [...Buffer.from(wire)].map((octet) => Buffer.from([octet]));
  return { frames: octets.flatMap((octet) => [...stream.feed(octet)]), faults };
}

const connected = (version: string) => `CONNECTED\nversion:${version}\n\n\0`;
const message = (more: string, body = '') =>
  `MESSAGE\ndestination:/topic/a\nmessage-id:1\nsubscription:s\n${more}\n${body}\0`;

test('the table holds 251 items, and one more where a size limit is known', () => {
  expect(ids.length).toBe(252);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toContain('LIM-01');
});

test('every waiver is of a row that exists', () => {
  expect([...WAIVERS.keys()].filter((id) => !known.has(id))).toEqual([]);
});

test('rows are named by group, row or variant, and never by a part of a name', () => {
  const named = (only: string) => ids.filter((id) => wanted(id, [only]));
  expect(named('ORD')).toEqual(['ORD-01/1.0', 'ORD-01/1.1', 'ORD-01/1.2', 'ORD-02', 'ORD-03']);
  expect(named('ORD-01')).toHaveLength(3);
  expect(named('WSK-08')).toEqual(['WSK-08']);
  expect(named('ORD-0')).toEqual([]);
});

test.each([
  ['a command no server sends', 'SEND\n\n\0', /command "SEND"/],
  ['a body on CONNECTED', 'CONNECTED\nversion:1.2\n\nbody\0', /CONNECTED with a body/],
  [
    'a body on RECEIPT',
    `${connected('1.2')}RECEIPT\nreceipt-id:1\n\nbody\0`,
    /RECEIPT with a body/,
  ],
  ['RECEIPT without receipt-id', `${connected('1.2')}RECEIPT\n\n\0`, /without receipt-id/],
  ['MESSAGE without message-id', `${connected('1.0')}MESSAGE\ndestination:a\n\n\0`, /message-id/],
  ['an escape 1.1 has not', connected('1.1') + message('a:\\r\n'), /undefined escape/],
  ['a raw colon', connected('1.2') + message('a:b:c\n'), /raw colon/],
  ['a raw CR inside a value', connected('1.2') + message('a:b\rc\n'), /raw CR/],
  ['a count that is no number', message('content-length:x\n'), /content-length "x"/],
  ['a count that is too short', message('content-length:1\n', 'ab'), /no NUL/],
  ['a NUL in an uncounted body', message('', 'a\0b\n\n'), /command "b"/],
  ['a line without colon', 'ERROR\nmessage\n\n\0', /without a colon/],
])('the judge sees %s', (_name, wire, fault) => {
  expect(judged(wire).faults.join('\n')).toMatch(fault);
});

test('the judge finds nothing wrong with good frames, whatever the version', () => {
  const good = (version: string, value: string) =>
    `\n${connected(version)}\n\n${message(`foo:${value}\ncontent-length:3\n`, 'a\0b')}\n`;
  for (const [version, value] of [
    ['1.0', 'a:b\\c'],
    ['1.1', 'a\\cb\\\\c'],
    ['1.2', 'a\\cb\\\\c'],
  ] as const) {
    const { frames, faults } = judged(good(version, value));
    expect(faults).toEqual([]);
    expect(frames.map(({ command }) => command)).toEqual(['CONNECTED', 'MESSAGE']);
    expect(frames[1]?.headers.find(([name]) => name === 'foo')?.[1]).toBe('a:b\\c');
    expect(frames[1]?.body.toString()).toBe('a\0b');
  }
});
