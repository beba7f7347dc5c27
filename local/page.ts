/** The web page at `/`: one file, read at each request, under a policy made for that very file. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';

const FILE = new URL('../web/index.html', import.meta.url);

export async function servePage(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    sendWords(response, 405, 'This page is only to be read: use GET.');
    return;
  }
  const page = await readPage();
  if (page === undefined) {
    sendWords(response, 404, 'There is no page here; the WebSocket is at /ws.');
    return;
  }
  response.writeHead(200, {
    ...SECURE,
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': contentPolicy(page),
    'Content-Length': Buffer.byteLength(page),
  });
  response.end(request.method === 'HEAD' ? undefined : page);
}

/** A sentence, for people who asked for something that is not here. */
export function sendWords(response: ServerResponse, status: number, words: string): void {
  response
    .writeHead(status, { ...SECURE, 'Content-Type': 'text/plain; charset=utf-8' })
    .end(`${words}\n`);
}

const SECURE = {
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

async function readPage(): Promise<string | undefined> {
  try {
    return await readFile(FILE, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Only the scripts written in the page run, by their hashes; it may speak to WebSockets anywhere,
 * since people point it at their deployed API, and load nothing.
 */
function contentPolicy(page: string): string {
  const scripts = [...page.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/gi)].map(
    ([, script]) =>
      `'sha256-${createHash('sha256')
        .update(script ?? '')
        .digest('base64')}'`,
  );
  return [
    "default-src 'none'",
    `script-src ${scripts.length === 0 ? "'none'" : scripts.join(' ')}`,
    "style-src 'unsafe-inline'",
    "img-src 'self' data:",
    "connect-src 'self' ws: wss:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
