/** Every door a token can be shown at, each as its own protocol has it, and what came of it. */
import { frame } from '../broker/world.ts';
import { PLACES as SOCKET_PLACES, show as showAtSocket, talk } from '../identity/talker.ts';

export interface Address {
  readonly http: string;
  readonly ws: string;
}

type Show = (at: Address, token: string | undefined) => Promise<string>;

interface Door {
  /** Where a bad token is told: by the status of the request, or by an ERROR of the conversation. */
  readonly tells: 'status' | 'error';
  readonly show: Show;
}

const asked = (token: string | undefined, name = 'token') =>
  token === undefined ? '' : `${name}=${encodeURIComponent(token)}`;
const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { Authorization: `Bearer ${token}` };
const cookie = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { Cookie: `stompway-token=${token}` };

/** `in`, or the code of the ERROR and whether the connection ended. */
function told(text: string, inside: RegExp): string {
  if (inside.test(text)) return 'in';
  return /code\\?(?::|":\\?")([a-z-]+)/.exec(text)?.[1] ?? text.slice(0, 80);
}

function byRequest(ask: (at: Address, token: string | undefined) => Promise<Response>): Door {
  return {
    tells: 'status',
    async show(at, token) {
      const response = await ask(at, token);
      const { status } = response;
      await response.body?.cancel();
      return status < 300 ? 'in' : `HTTP ${status}`;
    },
  };
}

const post = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers, body: 'x' });

/** What is said after Engine.IO's greeting on a WebSocket, and what comes back. */
async function socketio(url: string, auth: object): Promise<string> {
  const talker = await talk(url);
  await talker.until('0{');
  talker.ws.send(`40${JSON.stringify(auth)}`);
  const text = await Promise.race([talker.until('4'), talker.closed.then(String)]);
  talker.ws.terminate();
  return told(text, /^40\{/);
}

async function polled({ http }: Address, auth: object): Promise<string> {
  const base = `${http}/socket.io/?EIO=4&transport=polling`;
  const opening = await (await fetch(base)).text();
  const { sid } = JSON.parse(opening.slice(1));
  const session = `${base}&sid=${sid}`;
  await fetch(session, { method: 'POST', body: `40${JSON.stringify(auth)}` });
  return told(await (await fetch(session)).text(), /^40\{/m);
}

let sessions = 0;

async function sockjs({ http }: Address, connect: string): Promise<string> {
  const session = `${http}/sockjs/000/table${sessions++}`;
  await (await post(`${session}/xhr`)).text();
  const body = JSON.stringify([connect]);
  await fetch(`${session}/xhr_send`, { method: 'POST', body });
  return told(await (await post(`${session}/xhr`)).text(), /CONNECTED/);
}

function stomp(...more: readonly string[]): string {
  return frame('CONNECT', ['accept-version:1.2', 'host:h', ...more]);
}

const AUTHS: Readonly<Record<string, (token: string) => object>> = {
  passcode: (passcode) => ({ passcode }),
  token: (token) => ({ token }),
};
const authOf = (name: string, token: string | undefined) =>
  token === undefined ? {} : (AUTHS[name]?.(token) ?? {});

const SOCKETS = SOCKET_PLACES.map((place): readonly [string, Door] => {
  const inside = place.startsWith('STOMP') || place.startsWith('JSON');
  const show: Show = async ({ ws }, token) =>
    (await showAtSocket(`${ws}/ws`, place, token)).replace(', closed', '');
  return [`WebSocket: ${place}`, { tells: inside ? 'error' : 'status', show }];
});

export const DOORS: ReadonlyMap<string, Door> = new Map<string, Door>([
  ...SOCKETS,
  [
    'WebSocket: Basic',
    {
      tells: 'status',
      async show({ ws }, token) {
        const basic = Buffer.from(`ann:${token}`).toString('base64');
        const headers = token === undefined ? {} : { Authorization: `Basic ${basic}` };
        try {
          const talker = await talk(`${ws}/ws`, { protocols: ['v12.stomp'], headers });
          talker.ws.send(stomp());
          const text = await talker.until('\n');
          talker.ws.terminate();
          return told(text, /^CONNECTED/);
        } catch (cause) {
          return cause instanceof Error ? cause.message : String(cause);
        }
      },
    },
  ],
  [
    'Socket.IO over WebSocket: auth.passcode',
    {
      tells: 'error',
      show: ({ ws }, token) =>
        socketio(`${ws}/socket.io/?EIO=4&transport=websocket`, authOf('passcode', token)),
    },
  ],
  [
    'Socket.IO over WebSocket: query',
    {
      tells: 'status',
      async show({ ws }, token) {
        const url = `${ws}/socket.io/?EIO=4&transport=websocket&${asked(token)}`;
        return socketio(url, {}).catch((cause: Error) => cause.message);
      },
    },
  ],
  [
    'Socket.IO over polling: auth.token',
    { tells: 'error', show: (at, token) => polled(at, authOf('token', token)) },
  ],
  [
    'SockJS: passcode',
    {
      tells: 'error',
      show: (at, token) => sockjs(at, stomp(...(token === undefined ? [] : [`passcode:${token}`]))),
    },
  ],
  [
    'SockJS over WebSocket: query',
    {
      tells: 'status',
      async show({ ws }, token) {
        try {
          const talker = await talk(`${ws}/sockjs/000/w${sessions++}/websocket?${asked(token)}`);
          await talker.until('o');
          talker.ws.send(JSON.stringify([stomp()]));
          const text = await talker.until('a[');
          talker.ws.terminate();
          return told(text, /CONNECTED/);
        } catch (cause) {
          return cause instanceof Error ? cause.message : String(cause);
        }
      },
    },
  ],
  ['HTTP POST: header', byRequest(({ http }, token) => post(`${http}/topic/a`, bearer(token)))],
  ['HTTP POST: query', byRequest(({ http }, token) => post(`${http}/topic/a?${asked(token)}`))],
  [
    'HTTP POST: access_token',
    byRequest(({ http }, token) => post(`${http}/room/a?${asked(token, 'access_token')}`)),
  ],
  ['HTTP POST: cookie', byRequest(({ http }, token) => post(`${http}/topic/a`, cookie(token)))],
  [
    'EventSource: query',
    byRequest(({ http }, token) =>
      fetch(`${http}/topic/a?${asked(token)}`, { headers: { Accept: 'text/event-stream' } }),
    ),
  ],
  ['long poll: header', byRequest(({ http }, token) => longPoll(http, bearer(token)))],
]);

/** Answered at once: the room has something to tell. */
function longPoll(http: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`${http}/room/a?last=1`, { headers: { Accept: 'application/json', ...headers } });
}
