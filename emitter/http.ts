/** An emitter that asks a broker of `npm start` by HTTP, from another process of the same machine. */
import { Emitter } from './emitter.ts';
import type { Outcome } from './operation.ts';

/** Where local/ serves it. */
export const EMITTER_PATH = '/@emitter';

/** `key`: an administrator's, where identity is configured. Rejects in words if it is refused. */
export function emitterByHttp(url: string, key?: string): Emitter {
  const target = new URL(EMITTER_PATH, url);
  const headers = {
    'Content-Type': 'application/json',
    ...(key === undefined ? {} : { Authorization: `Bearer ${key}` }),
  };
  return new Emitter(async (operation) => {
    const body = JSON.stringify(operation);
    const response = await fetch(target, { method: 'POST', headers, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`the broker answered ${response.status}: ${text.trim()}`);
    return outcomeOf(JSON.parse(text));
  });
}

function outcomeOf(value: unknown): Outcome {
  const { sockets, answers }: Partial<Outcome> = Object(value);
  return { sockets: sockets ?? [], ...(answers === undefined ? {} : { answers }) };
}
