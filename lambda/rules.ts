/** The operator's rules as the template ships them: `rules.json` beside the bundle, if there is one. */
import { existsSync, readFileSync } from 'node:fs';
import { makePolicies, type Policies, parseRules } from '../broker/rules.ts';

/** Without the file, the defaults of each kind of destination. Throws in words for the operator. */
export function readPolicies(file: URL): Policies {
  if (!existsSync(file)) return makePolicies([]);
  try {
    return makePolicies(parseRules(JSON.parse(readFileSync(file, 'utf8'))));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`rules.json beside the bundle: ${why}`, { cause });
  }
}
