/**
 * `npm run audit`: known vulnerabilities of all that is installed, high and critical. Nothing of it
 * is a runtime dependency of the package, but the bundles are made of it. Where the registry answers
 * no audits (a mirror, no network), that is said, and counted as skipped: silence is no health.
 */
import { spawnSync } from 'node:child_process';

/** Package → why its finding does not concern us. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};
const GRAVE: ReadonlySet<string> = new Set(['high', 'critical']);

interface Report {
  readonly found: readonly string[];
  readonly skipped?: string;
}

/** What `npm audit --json` printed, made sense of. */
export function readAudit(text: string): Report {
  const json = parsed(text);
  const { vulnerabilities } = json;
  if (typeof vulnerabilities !== 'object' || vulnerabilities === null) {
    const { message, error } = json;
    const told = message ?? Object(error)['summary'] ?? 'no answer that could be read';
    return { found: [], skipped: String(told).split('\n', 1)[0] ?? '' };
  }
  const found = Object.entries(vulnerabilities).flatMap(([name, value]) => {
    const { severity, range } = Object(value);
    if (!GRAVE.has(severity) || name in EXCEPTIONS) return [];
    return [`${name} ${range}: ${severity}`];
  });
  return { found };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

if (process.argv[1]?.endsWith('audit.ts')) {
  const { stdout } = spawnSync('npm', ['audit', '--json'], { encoding: 'utf8', timeout: 120_000 });
  const { found, skipped } = readAudit(stdout ?? '');
  for (const one of found) console.error(one);
  if (skipped !== undefined) console.log(`skipped: the registry answers no audits: ${skipped}`);
  const passed = skipped === undefined && found.length === 0 ? 1 : 0;
  console.log(
    `${passed} passed, ${found.length} failed${skipped === undefined ? '' : ', 1 skipped'}`,
  );
  process.exit(found.length === 0 ? 0 : 1);
}
