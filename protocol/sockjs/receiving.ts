/**
 * How each receiving transport writes frames into a response (SockJS protocol, one section each).
 * `escape` and framing are pure; who writes, and when, is no matter of this file.
 */
import type { HeaderMap } from './headers.ts';

export interface Receiving {
  readonly headers: HeaderMap;
  /** Written first, if not empty. */
  readonly prelude: string;
  /** False: the response ends with its first frame. */
  readonly streaming: boolean;
  frame(frame: string): string;
}

/** A script, but of a type that no browser may take for a page. */
const SCRIPT: HeaderMap = {
  'Content-Type': 'application/javascript; charset=UTF-8',
  'X-Content-Type-Options': 'nosniff',
};

export const XHR: Receiving = {
  headers: SCRIPT,
  prelude: '',
  streaming: false,
  frame: (frame) => `${frame}\n`,
};

/** The prelude fills buffers of old browsers, which show nothing before 2 KB. */
export const XHR_STREAMING: Receiving = {
  headers: SCRIPT,
  prelude: `${'h'.repeat(2048)}\n`,
  streaming: true,
  frame: (frame) => `${frame}\n`,
};

/** The client runs decodeURI over these data, and over no others: `%` must be escaped here alone. */
export const EVENT_SOURCE: Receiving = {
  headers: { 'Content-Type': 'text/event-stream' },
  prelude: '\r\n',
  streaming: true,
  frame: (frame) => `data: ${frame.replace(/[%\r\n\0]/g, percent)}\r\n\r\n`,
};

export function htmlFile(callback: string): Receiving {
  return {
    headers: { 'Content-Type': 'text/html; charset=UTF-8' },
    prelude: htmlHead(callback),
    streaming: true,
    frame: (frame) => `<script>\np(${script(frame)});\n</script>\r\n`,
  };
}

export function jsonp(callback: string): Receiving {
  return {
    headers: SCRIPT,
    prelude: '',
    streaming: false,
    frame: (frame) => `/**/${callback}(${script(frame)});\r\n`,
  };
}

/** Longer is no name of a function that a client of SockJS makes. */
const CALLBACK_CHARACTERS_MAX = 32;

/** The callback's name, or the words with which its absence or its content is refused. */
export function callbackOf(query: URLSearchParams): { name: string } | { refusal: string } {
  const name = query.get('c') ?? query.get('callback');
  if (name === null || name === '') return { refusal: '"callback" parameter required' };
  if (/[^a-zA-Z0-9\-_.]/.test(name) || name.length > CALLBACK_CHARACTERS_MAX) {
    return { refusal: 'invalid "callback" parameter' };
  }
  return { name };
}

/** A string literal that cannot end the script element it stands in. */
function script(frame: string): string {
  return JSON.stringify(frame).replaceAll('<', '\\u003c');
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Internet Explorer shows nothing before 1 KB. */
function htmlHead(callback: string): string {
  const head = `<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.${callback};
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>`;
  return `${head.padEnd(1025)}\r\n\r\n`;
}
