/** Handshakes signed with Signature Version 4, where the template demands them. */

import { equal, ok } from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { settled } from './journey.ts';
import { REGION } from './names.ts';
import { secretOf } from './signature.ts';
import { openPeer, Refused } from './stomp-client.ts';

/** Names of roles, as the runtime has them. */
export interface SignedPlace {
  readonly url: string;
  readonly may: string;
  readonly mayNot: string;
}

/** Headers of a handshake by this role; written here, independently of what the broker signs with. */
function signedBy(role: string, url: string, secret = secretOf(role)): Record<string, string> {
  const { host, pathname } = new URL(url);
  const date = new Date().toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = [date.slice(0, 8), REGION, 'execute-api', 'aws4_request'];
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const hmac = (key: string | Buffer, text: string) =>
    createHmac('sha256', key).update(text).digest();
  const request = `GET\n${pathname}\n\nhost:${host}\nx-amz-date:${date}\n\nhost;x-amz-date\n${hash('')}`;
  const key = scope.reduce<string | Buffer>((last, part) => hmac(last, part), `AWS4${secret}`);
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope.join('/')}\n${hash(request)}`;
  const signature = hmac(key, toSign).toString('hex');
  const credential = `Credential=${role}/${scope.join('/')}`;
  return {
    'X-Amz-Date': date,
    Authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host;x-amz-date, Signature=${signature}`,
  };
}

const open = (url: string, headers: Record<string, string>) =>
  openPeer(url, ['v12.stomp'], 10_000, headers);

async function refused(url: string, headers: Record<string, string>): Promise<number> {
  const cause = await open(url, headers).catch((thrown: unknown) => thrown);
  ok(cause instanceof Refused, 'the handshake is refused');
  return cause.status;
}

export const SIGNED_JOURNEYS = [
  {
    name: 'who may connect does, and is known by role and session',
    run: async ({ url, may }: SignedPlace): Promise<void> => {
      const peer = await open(url, signedBy(may, url));
      peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
      equal((await peer.frame()).command, 'CONNECTED');
      const mine = `/topic/${may}:journey.a`.replace(':', '\\c');
      await settled(peer, 'SUBSCRIBE', { id: '1', destination: mine });
      peer.send('SEND', { destination: mine }, 'signed');
      equal((await peer.frame()).body, 'signed');
      peer.close();
    },
  },
  {
    name: 'who may not, signs wrongly or not at all is refused with 403, a good token or not',
    run: async ({ url, may, mayNot }: SignedPlace): Promise<void> => {
      equal(await refused(url, signedBy(mayNot, url)), 403);
      equal(await refused(url, signedBy(may, url, 'another secret')), 403);
      equal(await refused(url, {}), 403);
      equal(await refused(url, { Authorization: 'Bearer known-to-the-hook' }), 403);
    },
  },
] as const;
