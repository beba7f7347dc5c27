/**
 * What the three versions say of header octets, in one place. Headers are kept decoded and encoded
 * again for each receiving session, so that a 1.2 sender reaches a 1.0 subscriber (and back).
 *
 *   version   escapes            CR
 *   1.0       none               data
 *   1.1       \n \c \\           data
 *   1.2       \n \c \\ \r        optional part of an end of line
 *   none yet  none               optional part of an end of line
 *
 * The last row is also that of CONNECT and CONNECTED, which no version escapes (1.2 "Value
 * Encoding"), and is how everything is read and written before a version is agreed.
 */

interface HeaderRules {
  /** True when a CR before a LF belongs to the end of line. */
  readonly crEndsLine: boolean;
  /** What a backslash and this letter stand for, or undefined where a backslash is only itself. */
  readonly escapes: ReadonlyMap<string, string> | undefined;
}

const ESCAPES_1_1 = [
  ['n', '\n'],
  ['c', ':'],
  ['\\', '\\'],
] as const;

const RULES: Readonly<Record<string, HeaderRules>> = {
  '1.0': { crEndsLine: false, escapes: undefined },
  '1.1': { crEndsLine: false, escapes: new Map(ESCAPES_1_1) },
  '1.2': { crEndsLine: true, escapes: new Map([...ESCAPES_1_1, ['r', '\r']]) },
};
const BEFORE_VERSION: HeaderRules = { crEndsLine: true, escapes: undefined };

/** Spoken here, lowest first. */
export const VERSIONS: readonly string[] = ['1.0', '1.1', '1.2'];

export function headerRules(version: string | undefined): HeaderRules {
  return (version === undefined ? undefined : RULES[version]) ?? BEFORE_VERSION;
}

/** The decoded text, or undefined if it holds an escape the version does not define. */
export function unescapeHeader(text: string, rules: HeaderRules): string | undefined {
  const { escapes } = rules;
  if (escapes === undefined) return text;
  let at = text.indexOf('\\');
  if (at < 0) return text;
  let decoded = '';
  let from = 0;
  while (at >= 0) {
    const meant = escapes.get(text.charAt(at + 1));
    if (meant === undefined) return undefined;
    decoded += text.slice(from, at) + meant;
    from = at + 2;
    at = text.indexOf('\\', from);
  }
  return decoded + text.slice(from);
}

const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  ':': '\\c',
  '\r': '\\r',
};

/**
 * The header line with its LF. A header cannot break out of its line in any version: what 1.0 has
 * no way to say (LF and NUL, and a colon in a name) is replaced, all else survives the way back.
 */
export function headerLine(name: string, value: string, version: string | undefined): string {
  if (version === '1.2') return `${escape12(name)}:${escape12(value)}\n`;
  if (version === '1.1') return `${escape11(name)}:${escape11(value)}\n`;
  return `${bare(name).replaceAll(':', '_')}:${bare(value)}\n`;
}

/** The same, of a name that needs no escape in any version. */
export function namedLine(name: string, value: string, version: string | undefined): string {
  if (version === '1.2') return `${name}:${escape12(value)}\n`;
  return `${name}:${version === '1.1' ? escape11(value) : bare(value)}\n`;
}

function escape12(text: string): string {
  return /[\\\n:\r]/.test(text) ? text.replace(/[\\\n:\r]/g, (mark) => ESCAPED[mark] ?? '') : text;
}

/** A CR stays as it is: 1.1 has no escape for it, and it does not end a line there. */
function escape11(text: string): string {
  return /[\\\n:]/.test(text) ? text.replace(/[\\\n:]/g, (mark) => ESCAPED[mark] ?? '') : text;
}

/** CR is data in 1.0 and stays; LF would begin a header, NUL would end the frame for many. */
function bare(text: string): string {
  return /[\n\0]/.test(text) ? text.replace(/[\n\0]/g, ' ') : text;
}
