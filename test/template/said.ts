/** What environments say to whoever holds them, as it comes from their threads. */
import type { Answer, Part } from './environment.ts';
import { isObject } from './json.ts';

export function isPart(message: unknown): message is Part {
  return isObject(message) && ('contentType' in message || 'chunk' in message);
}

export function isReady(message: unknown): message is { readonly streams?: unknown } {
  return isObject(message) && 'ready' in message;
}

/** What an environment said, as an answer. */
export function answerOf(said: unknown): Answer {
  if (typeof said === 'object' && said !== null) {
    if ('value' in said && typeof said.value === 'string') return { value: said.value };
    if ('errorType' in said && 'errorMessage' in said) {
      const trace = 'trace' in said ? String(said.trace) : '';
      return { errorType: String(said.errorType), errorMessage: String(said.errorMessage), trace };
    }
  }
  return { errorType: 'Runtime.Unknown', errorMessage: String(said) };
}
