/** Bad days of HTTP and the front door. */
import { equal, match } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { post } from '../sockjs/browser.ts';
import type { Detour } from './detours.ts';
import { mutable } from './draft.ts';
import { openPeer } from './stomp-client.ts';

/** There once the client has gone that greetings wait for. */
const GONE = join(tmpdir(), `stompway-gone-${process.pid}`);

/** Before the real handler: greetings that come when their client has gone. */
const LATE = `import { existsSync } from 'node:fs';
import * as real from './real.mjs';
export const greet = async (event) => {
  while (!existsSync('${GONE}')) await new Promise((resolve) => setTimeout(resolve, 20));
  return real.greet(event);
};`;

/**
 * Before the real handler: its clock is two minutes ahead, so that the check after
 * `engineConnectSeconds` is due now. Not further: a sweep looks back `checkLookBackMinutes` alone.
 */
const LATER = `const now = Date.now;
Date.now = () => now() + 120_000;
export * from './real.mjs';`;

export const HTTP_DETOURS: readonly Detour[] = [
  {
    name: 'a subscriber that curl cannot post to is ended, and cut should it live',
    faults: { seed: 1, disconnectLost: 1 },
    plant: () => undefined,
    travel: async ({ url, httpUrl }) => {
      const peer = await openPeer(url, ['v12.stomp']);
      peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
      equal((await peer.frame()).command, 'CONNECTED');
      peer.send('SUBSCRIBE', { id: '1', destination: '/topic/detour', receipt: 'r' });
      equal((await peer.frame()).command, 'RECEIPT');
      peer.cut();
      equal((await post(`${httpUrl}/topic/detour`, 'anybody there?')).status, 200);
    },
  },
  {
    name: 'a client that was gone before its greeting, and said so to nobody, is ended by greet',
    needs: 'FrontDoor',
    faults: { seed: 1, disconnectLost: 1 },
    plant: (draft) => draft.wrap('FunctionsGreet', LATE),
    travel: async ({ frontDoorUrl = '', settle }) => {
      const socket = `${frontDoorUrl.replace('http', 'ws')}/sockjs/0/${randomUUID()}/websocket`;
      const peer = await openPeer(socket);
      peer.sendText(JSON.stringify(['{"subscribe":"/room/detour"}']));
      match(await peer.text(), /RECEIPT/);
      peer.cut();
      await peer.closed();
      writeFileSync(GONE, '');
      await settle().finally(() => rmSync(GONE));
    },
  },
  {
    name: 'a Socket.IO client on a silent WebSocket hears a ping in time',
    needs: 'FunctionsGreet',
    plant: (draft) => draft.wrap('FunctionsWork', LATER),
    travel: async ({ url, settle, schedules }) => {
      const peer = await openPeer(`${url}?EIO=4&transport=websocket`);
      match(await peer.text(), /^0\{/);
      // Who connects to no namespace is sent away instead.
      peer.sendText('40');
      match(await peer.text(), /^40\{/);
      await settle();
      await Promise.all(schedules.map(({ fire }) => fire()));
      equal(await peer.text(), '2');
      peer.close();
    },
  },
  {
    name: 'a Socket.IO client whose disconnect cannot be queued is noted at once, so that it may go on',
    needs: 'IngressDeadLetters',
    plant: (draft) => {
      const environment = draft.properties('AWS::Lambda::Function', 'FunctionsDisconnect');
      const variables = mutable(mutable(environment['Environment'])['Variables']);
      variables['QUEUE_URL'] = { Ref: draft.id('AWS::SQS::Queue', 'IngressDeadLetters') };
    },
    travel: async ({ url, settle }) => {
      const peer = await openPeer(`${url}?EIO=4&transport=websocket`);
      match(await peer.text(), /^0\{/);
      peer.sendText('40');
      match(await peer.text(), /^40\{/);
      peer.sendText('420["join","detour"]');
      match(await peer.text(), /^430\[/);
      await settle();
      peer.cut();
      await peer.closed();
    },
    expected: /sqs:SendMessage/,
  },
];
