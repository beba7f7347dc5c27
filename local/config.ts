/**
 * The operator's file, `stompway.json`: `{"rules": […], "identity": {…}, "permissions": […],
 * "origins": […], "administration": {"keys": […]}}`. What it does not know fails the start.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fieldsOf, listOf, parseIdentity } from '../broker/identity-settings.ts';
import { makePolicies, parseRules, type Rule } from '../broker/rules.ts';
import { parseApplications } from './applications.ts';
import type { SecuritySettings } from './security.ts';

export interface Config {
  readonly rules: readonly Rule[];
  readonly security: SecuritySettings;
}

const KEYS = ['rules', 'identity', 'permissions', 'origins', 'administration', 'applications'];
const DEFAULT_FILE = 'stompway.json';

/** Without a name the default file is read if it is there. Throws in words for the operator. */
export function readConfig(file: string | undefined): Config {
  const text = readText(file ?? DEFAULT_FILE, file !== undefined);
  if (text === undefined) return { rules: [], security: {} };
  try {
    const fields = fieldsOf(JSON.parse(text), 'it', KEYS);
    const rules = parseRules(fields.get('rules') ?? []);
    makePolicies(rules);
    return { rules, security: securityOf(fields) };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file ?? DEFAULT_FILE}: ${why}`, { cause });
  }
}

function securityOf(fields: ReadonlyMap<string, unknown>): SecuritySettings {
  const [identity, permissions] = [fields.get('identity'), fields.get('permissions')];
  if (identity === undefined && permissions !== undefined) {
    throw new Error('permissions need identity: else nobody is known by name');
  }
  const origins = fields.get('origins');
  const administration = fields.get('administration');
  return {
    ...(identity === undefined ? {} : { identity: parseIdentity(identity, permissions) }),
    ...(origins === undefined ? {} : { origins: listOf(origins, 'origins').map(originOf) }),
    applications: parseApplications(fields.get('applications')),
    ...(administration === undefined ? {} : { administration: keysOf(administration) }),
  };
}

function keysOf(json: unknown): readonly string[] {
  const keys = fieldsOf(json, 'administration', ['keys']).get('keys');
  return listOf(keys, 'administration.keys').map((key, index) => {
    if (typeof key === 'string' && /^[0-9a-f]{64}$/.test(key)) return key;
    throw new Error(
      `administration.keys[${index}] must be the SHA-256 of a key, 64 hexadecimal digits`,
    );
  });
}

/** As browsers write it: scheme, host, port if it is not the scheme's own. */
function originOf(value: unknown, index: number): string {
  const text = typeof value === 'string' ? value : '';
  if (URL.canParse(text) && new URL(text).origin === text) return text;
  throw new Error(`origins[${index}] must be an origin, "https://app.example"`);
}

function readText(file: string, required: boolean): string | undefined {
  if (!required && !existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read`, { cause });
  }
}
