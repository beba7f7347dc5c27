/**
 * `npm run verify:aws -- wss://…/ws [--slow] [--out findings.md]`: asks a deployed broker what no test
 * here can know, and writes the answers to a file. It needs no credentials: it is a client.
 */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readFlags, refuse } from '../../local/flags.ts';
import { openPeer } from '../template/stomp-client.ts';
import { QUESTIONS } from './questions.ts';

const USAGE = 'npm run verify:aws -- wss://….amazonaws.com/ws [--slow] [--out FILE]';

export interface Finding {
  readonly name: string;
  readonly supposed: string;
  readonly found: string;
}

export async function verify(
  url: string,
  { slow, print }: { readonly slow: boolean; readonly print: (line: string) => void },
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const { name, supposed, slow: long, ask } of QUESTIONS) {
    if (long && !slow) {
      print(`later    ${name} (takes minutes: --slow)`);
      continue;
    }
    const open = (protocols: readonly string[] = [], path = '') => openPeer(url + path, protocols);
    const topic = `/topic/verify-${Date.now()}-${findings.length}`;
    const found = await ask({ url, open, topic, http: '' }).catch(
      (cause: unknown) => `no answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    );
    findings.push({ name, supposed, found });
    print(`found    ${name}: ${found}`);
  }
  return findings;
}

/** The findings as a page to keep. */
export function page(url: string, findings: readonly Finding[], date: string): string {
  const rows = findings.map(({ name, supposed, found }) => `| ${name} | ${supposed} | ${found} |`);
  return `# What ${new URL(url).host} answered on ${date}
| Question | Supposed | Found |
|---|---|---|
${rows.join('\n')}
`;
}

async function main(): Promise<void> {
  const { values, positionals } = readFlags(USAGE, (args) =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        slow: { type: 'boolean', default: false },
        out: { type: 'string', default: 'findings.md' },
      },
    }),
  );
  const [url] = positionals;
  if (url === undefined || !/^wss?:\/\//.test(url)) return refuse('It needs an address.', USAGE);
  const findings = await verify(url, { slow: values.slow, print: console.log });
  writeFileSync(values.out, page(url, findings, new Date().toISOString().slice(0, 10)));
  const unanswered = findings.filter(({ found }) => found.startsWith('no answer')).length;
  console.log(
    `${findings.length - unanswered} answered, ${unanswered} not; written to ${values.out}`,
  );
  process.exit(unanswered === 0 ? 0 : 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
