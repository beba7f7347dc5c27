/** A client of Engine.IO with no mind of its own: it sends what it is told and shows what comes. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { heard } from '../clients/heard.ts';

export interface Target {
  /** `http://host:port/engine.io/` */
  readonly url: string;
}

export interface Socket {
  readonly ws: WebSocket;
  /** The next message; octets as a Buffer, texts as a string. */
  next(): Promise<string | Buffer>;
  readonly closed: Promise<unknown>;
}

export function query(more = ''): string {
  return `?EIO=4&transport=polling${more}`;
}

export async function handshake({ url }: Target): Promise<string> {
  const text = await (await fetch(url + query())).text();
  return String(JSON.parse(text.slice(1)).sid);
}

export function poll({ url }: Target, sid: string, signal?: AbortSignal): Promise<Response> {
  return fetch(url + query(`&sid=${sid}`), signal === undefined ? {} : { signal });
}

export function push({ url }: Target, sid: string, body: string): Promise<Response> {
  return fetch(url + query(`&sid=${sid}`), { method: 'POST', body });
}

/** Not yet open. */
export function socket({ url }: Target, search = '?EIO=4&transport=websocket'): Socket {
  const ws = new WebSocket(url.replace('http', 'ws') + search);
  const messages = heard<string | Buffer>();
  ws.on('message', (data, binary) => {
    if (Buffer.isBuffer(data)) messages.push(binary ? data : data.toString());
  });
  // A refused handshake is an error, and then a close as well.
  ws.on('error', () => undefined);
  const closed = new Promise((done) => ws.once('close', done));
  return { ws, next: async () => (await messages.next()).value, closed };
}

export async function opened(target: Target): Promise<Socket> {
  const one = socket(target);
  await one.next();
  return one;
}

/** A session that has changed over to a WebSocket. */
export async function upgraded(target: Target): Promise<{ sid: string; socket: Socket }> {
  const sid = await handshake(target);
  const one = socket(target, `?EIO=4&transport=websocket&sid=${sid}`);
  await once(one.ws, 'open');
  one.ws.send('2probe');
  await one.next();
  one.ws.send('5');
  return { sid, socket: one };
}
