/**
 * Emitters of other processes: `POST /@emitter`, an operation in, its outcome out. Whom the management
 * side trusts is trusted: programs of this machine, and an administrator's key where there are any.
 */
import type { ServerResponse } from 'node:http';
import { BrokerError } from '../broker/errors.ts';
import { EMITTER_PATH } from '../emitter/http.ts';
import type { Operation, Perform, Target } from '../emitter/operation.ts';
import { readBody } from './http-mount.ts';
import { isTrusted } from './management-http.ts';
import { sendWords } from './page.ts';
import type { Mount } from './server.ts';

export interface EmitterSide {
  readonly perform: Perform;
  readonly keys: readonly string[] | undefined;
  readonly bodyBytesMax: number;
}

const DISTRUST =
  'Emitters are programs of this machine and, where identity is configured, show an administrator’s key.';

export function emitterMount({ perform, keys, bodyBytesMax }: EmitterSide): Mount {
  return {
    prefix: EMITTER_PATH,
    async request(request, response) {
      if (!isTrusted(request, keys)) return sendWords(response, 403, DISTRUST);
      if (request.method !== 'POST') return sendWords(response, 405, 'POST an operation.');
      const body = await readBody(request, bodyBytesMax);
      if (body === 'gone') return;
      if (body === 'large') {
        // The rest of the body may not be read: it must not stand before another request.
        response.setHeader('Connection', 'close');
        return sendWords(response, 413, `An operation has ${bodyBytesMax} octets at most.`);
      }
      const operation = readOperation(body.toString());
      if (operation === undefined) return sendWords(response, 400, 'This is no operation.');
      await reply(response, () => perform(operation));
    },
  };
}

/** What the emitter's program asked for in vain is told in words; all else is thrown. */
async function reply(response: ServerResponse, outcome: () => Promise<object>): Promise<void> {
  try {
    const text = JSON.stringify(await outcome());
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
  } catch (cause) {
    if (!(cause instanceof BrokerError)) throw cause;
    sendWords(response, cause.status, `${cause.message}. ${cause.mend}`);
  }
}

/** Undefined: it is none. */
function readOperation(text: string): Operation | undefined {
  const fields = parsed(text);
  const target = readTarget(fields['target']);
  const { type, rooms, event, values, contentType, volatile, answerMilliseconds } = fields;
  if (target === undefined) return undefined;
  if (type === 'fetch' || type === 'disconnect') return { type, target };
  if (type === 'join' || type === 'leave')
    return isTexts(rooms) ? { type, target, rooms } : undefined;
  if (type !== 'emit' || typeof event !== 'string' || typeof values !== 'string') return undefined;
  if (typeof contentType !== 'string' || !Array.isArray(jsonOf(values))) return undefined;
  const asked = typeof answerMilliseconds === 'number' ? { answerMilliseconds } : {};
  return { type, target, event, values, contentType, volatile: volatile === true, ...asked };
}

function readTarget(value: unknown): Target | undefined {
  const { namespace, rooms, except }: Partial<Record<keyof Target, unknown>> = Object(value);
  if (typeof namespace !== 'string' || !isTexts(rooms) || !isTexts(except)) return undefined;
  return { namespace, rooms, except };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  return Object(jsonOf(text));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
