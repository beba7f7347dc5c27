/** Response headers of SockJS. Names of request headers are lower case. */

export type HeaderMap = Readonly<Record<string, string>>;

/** Word for word what clients' tests compare. */
export const NOT_CACHED: HeaderMap = {
  'Cache-Control': 'no-store, no-cache, no-transform, must-revalidate, max-age=0',
};

const YEAR_SECONDS = 31_536_000;

/** For what never changes. `now` in ms. */
export function cachedForAYear(now: number): HeaderMap {
  return {
    'Cache-Control': `public, max-age=${YEAR_SECONDS}`,
    Expires: new Date(now + YEAR_SECONDS * 1000).toUTCString(),
  };
}

/**
 * Browsers send every cross-origin SockJS request with credentials, and then `*` will not do: the
 * origin is echoed, `null` too.
 */
export function crossOrigin(request: HeaderMap): HeaderMap {
  const origin = request['origin'];
  const asked = request['access-control-request-headers'];
  return {
    Vary: 'Origin',
    ...(origin
      ? { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' }
      : { 'Access-Control-Allow-Origin': '*' }),
    ...(asked ? { 'Access-Control-Allow-Headers': asked } : {}),
  };
}

/** The answer to OPTIONS. */
export function preflight(request: HeaderMap, methods: readonly string[], now: number): HeaderMap {
  return {
    ...crossOrigin(request),
    ...cachedForAYear(now),
    'Access-Control-Max-Age': String(YEAR_SECONDS),
    'Access-Control-Allow-Methods': methods.join(', '),
  };
}

/** For balancers that stick by this cookie; nothing here needs it. */
export function sessionCookie(request: HeaderMap): HeaderMap {
  const [, value = 'dummy'] = /(?:^|;\s*)JSESSIONID=([^;\s]+)/.exec(request['cookie'] ?? '') ?? [];
  return { 'Set-Cookie': `JSESSIONID=${value}; path=/` };
}
