/**
 * Emitters of other processes: `POST /@emitter`, an operation in, its outcome out. Whom the management
 * side trusts is trusted: programs of this machine, and an administrator's key where there are any.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { EMITTER_PATH } from '../emitter/http.ts';
import type { Operation, Perform, Target } from '../emitter/operation.ts';
import { isTrusted } from './management-http.ts';
import { sendWords } from './page.ts';
import type { Mount } from './server.ts';

export interface EmitterSide {
  readonly perform: Perform;
  readonly keys: readonly string[] | undefined;
  readonly bodyBytesMax: number;
}

export function emitterMount({ perform, keys, bodyBytesMax }: EmitterSide): Mount {
  return {
    prefix: EMITTER_PATH,
    async request(request, response) {
      if (!isTrusted(request, keys)) return sendWords(response, 403, 'Not for you.');
      if (request.method !== 'POST') return sendWords(response, 405, 'POST an operation.');
      const text = await bodyOf(request, bodyBytesMax);
      if (text === undefined) return sendWords(response, 413, 'The operation is too large.');
      const operation = readOperation(text);
      if (operation === undefined) return sendWords(response, 400, 'This is no operation.');
      await reply(response, await perform(operation));
    },
  };
}

async function reply(response: ServerResponse, outcome: object): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(outcome));
}

async function bodyOf(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Undefined: it is none. */
export function readOperation(text: string): Operation | undefined {
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
