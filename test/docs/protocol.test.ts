import { readFileSync } from 'node:fs';
import { type BrokerError, ERRORS } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Command } from '../../broker/model.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';

const page = readFileSync('docs/protocol.md', 'utf8');

function section(title: string): string {
  const from = page.indexOf(`\n## ${title}\n`);
  expect(from).toBeGreaterThan(0);
  const to = page.indexOf('\n## ', from + 1);
  return page.slice(from, to < 0 ? undefined : to);
}

/** The cells of every row below a table's heading. */
function rows(text: string): readonly (readonly string[])[] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test('the table of error codes is that of the broker, row by row', () => {
  const told = rows(section('Error codes')).map(([code, status, ends, meaning, mend]) => {
    expect(meaning).not.toBe('');
    expect(mend).not.toBe('');
    return [code, status, ends];
  });
  const kept = Object.entries(ERRORS).map(([code, { status, fatal }]) => [
    `\`${code}\``,
    String(status),
    fatal ? 'always' : 'STOMP',
  ]);
  expect(told).toEqual(kept);
});

const UNITS: Readonly<Record<string, { readonly factor: number; readonly name: RegExp }>> = {
  KB: { factor: 1024, name: /Bytes/ },
  s: { factor: 1, name: /Seconds/ },
  ms: { factor: 1, name: /Milliseconds/ },
  '': { factor: 1, name: /(Max|Bytes)/ },
};

test('the table of limits says what the broker keeps', () => {
  const limits: Readonly<Record<string, number>> = LIMITS;
  const told = rows(section('Limits'));
  expect(told.length).toBeGreaterThan(15);
  for (const [, most = '', cell = ''] of told) {
    const name = cell.replaceAll('`', '');
    const [, digits = '', unit = ''] = /^([\d,]+) ?(\w*)$/.exec(most) ?? [];
    const { factor, name: fitting } = UNITS[unit] ?? { factor: Number.NaN, name: /^$/ };
    expect([name, Number(digits.replaceAll(',', '')) * factor]).toEqual([name, limits[name]]);
    expect(name).toMatch(fitting);
  }
});

const json = section('JSON in one page');
const transcript = json.split('\n').filter((line) => /^[<>] /.test(line));

test('every line of the transcript is one a client can send or hear', () => {
  expect(transcript.length).toBeGreaterThan(8);
  let asked: Command | undefined;
  for (const line of transcript) {
    const text = line.slice(2);
    if (line.startsWith('>')) [asked] = jsonDialect.decode(Buffer.from(text), '1.2').commands;
    else if (asked?.type === 'refused') expect(encoded(asked.error)).toBe(text);
    else expect(['RECEIPT', 'MESSAGE']).toContain(JSON.parse(text).command);
  }
});

function encoded(error: BrokerError): string {
  return Buffer.from(jsonDialect.encode({ type: 'error', error }, '1.2')).toString();
}

test('every request shown in the text is understood', () => {
  const shown = [...json.matchAll(/`(\{[^`]+\})`/g)].map(([, text]) => text ?? '');
  expect(shown.length).toBeGreaterThan(1);
  for (const text of shown) {
    const [command] = jsonDialect.decode(Buffer.from(text), '1.2').commands;
    expect([text, command?.type]).not.toEqual([text, 'refused']);
  }
});

test('JSON fits on one page', () => {
  expect(json.split('\n').length).toBeLessThan(60);
});

test('every link to a section leads to one', () => {
  const slugs = [...page.matchAll(/^## (.+)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replaceAll('.', '').replaceAll(' ', '-'),
  );
  for (const [, slug] of page.matchAll(/\(#([^)]+)\)/g)) expect(slugs).toContain(slug);
});
