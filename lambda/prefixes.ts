/** Where things are served, known before what serves them is loaded. */

/** First path segments that name destinations, other brokers' own among them, to be told so. */
export const DESTINATION_PREFIXES = [
  '/topic',
  '/room',
  '/queue',
  '/user',
  '/app',
  '/presence',
  '/temp-queue',
  '/exchange',
  '/amq',
] as const;

export const ADMINISTRATION_PREFIXES = ['/connections', '/users', '/tokens', '/durables'] as const;
