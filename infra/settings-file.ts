/** The operator's file, as `npm start` reads it, for `-c rules=stompway.json`. */

import { readFileSync } from 'node:fs';
import { SECURITY_KEYS } from '../broker/identity-settings.ts';
import { parseRules } from '../broker/rules.ts';
import { fieldsOf } from '../broker/settings.ts';
import { parseSocketio } from '../broker/socketio-settings.ts';
import { securityOf } from './security.ts';
import type { SocketioProps } from './socketio.ts';
import type { StompBrokerProps } from './stomp-broker.ts';

const KEYS = ['rules', ...SECURITY_KEYS, 'socketio', 'applications'];

/**
 * All that the file says: it would be a trap if its identities, or a key that is misspelt, were left
 * out. A list is a list of rules. Throws in words that begin with the file's name.
 */
export function readSettingsFile(
  file: string,
): Pick<StompBrokerProps, 'rules' | 'security' | 'socketio'> {
  try {
    const json: unknown = JSON.parse(textOf(file));
    if (Array.isArray(json)) return { rules: parseRules(json) };
    const settings = fieldsOf(json, 'it', KEYS);
    // Left out in silence, a hook would be a refusal that is missed by nobody.
    if (settings.has('applications')) throw new Error('applications are for npm start alone');
    const security = securityOf(settings);
    const socketio = settings.get('socketio');
    return {
      rules: parseRules(settings.get('rules') ?? []),
      ...(security === undefined ? {} : { security }),
      ...(isSocketio(socketio) ? { socketio } : {}),
    };
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const code =
      typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
    const why = code === 'ENOENT' ? `there is no such file in ${process.cwd()}` : String(code);
    throw new Error(`it cannot be read: ${why}`, { cause });
  }
}

/** Throws in words for what is neither. */
function isSocketio(value: unknown): value is SocketioProps {
  parseSocketio(value);
  return value !== undefined;
}
