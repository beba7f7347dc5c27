/** What a URL below a SockJS base means (SockJS protocol, "Static URLs" and "Session URLs"). */

export const TRANSPORTS = [
  'xhr',
  'xhr_send',
  'xhr_streaming',
  'eventsource',
  'htmlfile',
  'jsonp',
  'jsonp_send',
  'websocket',
] as const;

export type Transport = (typeof TRANSPORTS)[number];

export type Place =
  | { readonly type: 'greeting' | 'info' | 'iframe' | 'raw-websocket' }
  | { readonly type: 'session'; readonly session: string; readonly transport: Transport };

const PLAIN: Readonly<Record<string, Place>> = {
  '': { type: 'greeting' },
  '/': { type: 'greeting' },
  '/info': { type: 'info' },
  '/websocket': { type: 'raw-websocket' },
};

/** `rest` is the path behind the base, without its query; undefined: nothing is there. */
export function placeOf(rest: string): Place | undefined {
  if (Object.hasOwn(PLAIN, rest)) return PLAIN[rest];
  if (/^\/iframe[0-9-.a-z_]*\.html$/.test(rest)) return { type: 'iframe' };
  const [, session, name] = /^\/[^/.]+\/([^/.]+)\/([a-z_]+)$/.exec(rest) ?? [];
  const transport = TRANSPORTS.find((one) => one === name);
  if (session === undefined || transport === undefined) return undefined;
  return { type: 'session', session, transport };
}

/** What each place answers to; anything else is 405. */
export function methodsOf(place: Place): readonly string[] {
  if (place.type !== 'session') {
    return place.type === 'info' ? ['OPTIONS', 'GET'] : ['GET'];
  }
  switch (place.transport) {
    case 'xhr':
    case 'xhr_send':
    case 'xhr_streaming':
      return ['OPTIONS', 'POST'];
    case 'jsonp_send':
      return ['POST'];
    case 'eventsource':
    case 'htmlfile':
    case 'jsonp':
    case 'websocket':
      return ['GET'];
    default:
      return place.transport satisfies never;
  }
}
