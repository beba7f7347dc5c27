/** The operator's file, `stompway.json`: `{"rules": [...]}`. What it does not know fails the start. */
import { existsSync, readFileSync } from 'node:fs';
import { makePolicies, parseRules, type Rule } from '../broker/rules.ts';

export interface Config {
  readonly rules: readonly Rule[];
}

const DEFAULT_FILE = 'stompway.json';

/** Without a name the default file is read if it is there. Throws in words for the operator. */
export function readConfig(file: string | undefined): Config {
  const text = readText(file ?? DEFAULT_FILE, file !== undefined);
  if (text === undefined) return { rules: [] };
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new Error('it must hold an object: {"rules": [...]}');
    }
    const { rules = [], ...others }: { rules?: unknown } = json;
    const unknown = Object.keys(others)[0];
    if (unknown !== undefined) throw new Error(`unknown key "${unknown}"; known: rules`);
    const parsed = parseRules(rules);
    makePolicies(parsed);
    return { rules: parsed };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file ?? DEFAULT_FILE}: ${why}`, { cause });
  }
}

function readText(file: string, required: boolean): string | undefined {
  if (!required && !existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read`, { cause });
  }
}
