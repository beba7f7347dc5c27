/**
 * The operator's file, `stompway.json`: `{"rules": […], "identity": {…}, "permissions": […],
 * "origins": […], "administration": {"keys": […]}, "socketio": {"namespaces": […]}}`. What it does not know fails the start.
 */

import { existsSync, readFileSync } from 'node:fs';
import { parseSecurity, SECURITY_KEYS } from '../broker/identity-settings.ts';
import { makePolicies, parseRules, type Rule } from '../broker/rules.ts';
import { fieldsOf } from '../broker/settings.ts';
import {
  parseSocketio,
  SOCKETIO_SETTINGS,
  type SocketioSettings,
} from '../broker/socketio-settings.ts';
import { parseApplications } from './applications.ts';
import type { SecuritySettings } from './security.ts';

export interface Config {
  readonly rules: readonly Rule[];
  readonly security: SecuritySettings;
  readonly socketio: SocketioSettings;
}

const KEYS = ['rules', ...SECURITY_KEYS, 'applications', 'socketio'];
const DEFAULT_FILE = 'stompway.json';

/** Without a name the default file is read if it is there. Throws in words for the operator. */
export function readConfig(file: string | undefined): Config {
  const text = readText(file ?? DEFAULT_FILE, file !== undefined);
  if (text === undefined) return { rules: [], security: {}, socketio: SOCKETIO_SETTINGS };
  try {
    const fields = fieldsOf(JSON.parse(text), 'it', KEYS);
    const rules = parseRules(fields.get('rules') ?? []);
    makePolicies(rules);
    const socketio = parseSocketio(fields.get('socketio'));
    return { rules, security: securityOf(fields), socketio };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${file ?? DEFAULT_FILE}: ${why}`, { cause });
  }
}

function securityOf(fields: ReadonlyMap<string, unknown>): SecuritySettings {
  const applications = parseApplications(fields.get('applications'));
  return { ...parseSecurity(fields), applications };
}

function readText(file: string, required: boolean): string | undefined {
  if (!required && !existsSync(file)) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new Error(`${file} cannot be read`, { cause });
  }
}
