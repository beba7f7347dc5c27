/** A client that shows who it is in any place a token may stand, and tells what came of it. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { frame } from '../broker/world.ts';

export const PLACES = [
  'query token',
  'query access_token',
  'header',
  'sub-protocol',
  'cookie',
  'STOMP passcode',
  'STOMP Authorization',
  'JSON passcode',
  'JSON Authorization',
] as const;
export type Place = (typeof PLACES)[number];

export interface Talker {
  readonly ws: WebSocket;
  /** All texts so far. */
  readonly heard: string[];
  readonly closed: Promise<number>;
  /** The next text not taken yet that has this in it. */
  until(part: string): Promise<string>;
}

/** Rejects with the HTTP status if the handshake is refused. */
export async function talk(
  url: string,
  { protocols = [], headers = {} }: { protocols?: string[]; headers?: Record<string, string> } = {},
): Promise<Talker> {
  const ws = new WebSocket(url, protocols, { headers });
  const heard: string[] = [];
  const waiting: { part: string; resolve: (text: string) => void }[] = [];
  let taken = 0;
  const look = (): void => {
    for (const wish of [...waiting]) {
      const at = heard.findIndex((text, index) => index >= taken && text.includes(wish.part));
      if (at < 0) continue;
      taken = at + 1;
      waiting.splice(waiting.indexOf(wish), 1);
      wish.resolve(heard[at] ?? '');
    }
  };
  ws.on('message', (data) => {
    heard.push(String(data));
    look();
  });
  const closed = once(ws, 'close').then(([code]) => Number(code));
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.once('unexpected-response', (_, response) =>
      reject(new Error(`HTTP ${response.statusCode}`)),
    );
    ws.once('error', reject);
  });
  return {
    ws,
    heard,
    closed,
    until: (part) =>
      new Promise((resolve) => {
        waiting.push({ part, resolve });
        look();
      }),
  };
}

/** `in`, or how it was refused: `HTTP 401`, or the ERROR's code and that it closed. */
export async function show(url: string, place: Place, token: string | undefined): Promise<string> {
  const shown = token ?? '';
  const none = token === undefined;
  const query = place.startsWith('query') && !none ? `?${place.slice(6)}=${shown}` : '';
  const headers: Record<string, string> = {};
  if (place === 'header' && !none) headers['Authorization'] = `Bearer ${shown}`;
  if (place === 'cookie' && !none) headers['Cookie'] = `a=b; stompway-token=${shown}`;
  const json = place.startsWith('JSON');
  const protocols = [
    json ? 'json.stompway' : 'v12.stomp',
    ...(place === 'sub-protocol' && !none ? [`bearer.${shown}`] : []),
  ];
  let talker: Talker;
  try {
    talker = await talk(url + query, { protocols, headers });
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  talker.ws.send(json ? jsonConnect(place, token) : stompConnect(place, token));
  const answer = await Promise.race([talker.until(json ? 'command' : '\n'), talker.closed]);
  const text = String(answer);
  if (text.includes('CONNECTED')) {
    talker.ws.terminate();
    return 'in';
  }
  const code = /code(?::|":")([a-z-]+)/.exec(text)?.[1];
  await talker.closed;
  return `${code}, closed`;
}

function jsonConnect(place: Place, token: string | undefined): string {
  const key = place === 'JSON passcode' ? 'passcode' : 'Authorization';
  const value = key === 'passcode' ? token : `Bearer ${token}`;
  return JSON.stringify({ connect: true, ...(token === undefined ? {} : { [key]: value }) });
}

function stompConnect(place: Place, token: string | undefined): string {
  const more: string[] = [];
  if (token !== undefined && place === 'STOMP passcode')
    more.push('login:ann', `passcode:${token}`);
  if (token !== undefined && place === 'STOMP Authorization') {
    more.push(`Authorization:Bearer ${token}`);
  }
  return frame('CONNECT', ['accept-version:1.2', 'host:h', ...more]);
}
