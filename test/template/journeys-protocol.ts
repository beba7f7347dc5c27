/** Journeys about STOMP itself: versions, heart-beats, receipts of what is refused. */
import { equal } from 'node:assert/strict';
import { type Journey, settled, withStomp } from './journey.ts';
import type { Peer } from './stomp-client.ts';

const AUDIENCE = 10;

export const PROTOCOL_JOURNEYS: readonly Journey[] = [
  ...(['1.0', '1.1'] as const).map((version) => ({
    name: `a client of STOMP ${version} is served in its version`,
    run: async ({ open, topic }: Parameters<Journey['run']>[0]) => {
      const peer = await open([`v${version.replace('.', '')}.stomp`]);
      peer.send('CONNECT', version === '1.0' ? {} : { 'accept-version': version, host: 'h' });
      equal((await peer.frame()).headers['version'] ?? '1.0', version);
      await settled(peer, 'SUBSCRIBE', { id: 's', destination: topic });
      peer.send('SEND', { destination: topic }, 'old but good');
      equal((await peer.frame()).body, 'old but good');
      peer.close();
    },
  })),
  {
    name: 'a lone LF is a heart-beat: it is not answered, and nothing behind it suffers',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        peer.sendText('\n');
        await settled(peer, 'SEND', { destination: topic }, 'still here');
      }),
  },
  {
    name: 'an ERROR names the receipt that will not come',
    run: ({ open }) =>
      withStomp(open, async (peer) => {
        peer.send('SEND', { destination: '/topic/a..b', receipt: 'never' }, '');
        const error = await peer.frame();
        equal(error.command, 'ERROR');
        equal(error.headers['receipt-id'], 'never');
        await peer.closed();
      }),
  },
  {
    name: 'a subscription id that is taken is refused',
    run: ({ open, topic }) =>
      withStomp(open, async (peer) => {
        await settled(peer, 'SUBSCRIBE', { id: 'same', destination: topic });
        peer.send('SUBSCRIBE', { id: 'same', destination: `${topic}.other` });
        equal((await peer.frame()).headers['code'], 'subscription-exists');
        await peer.closed();
      }),
  },
  {
    name: `${AUDIENCE} subscribers get one copy each`,
    run: ({ open, topic }) =>
      withStomp(open, async (publisher) => {
        const audience = await Promise.all(
          Array.from({ length: AUDIENCE }, () => subscriberOf(open, topic)),
        );
        publisher.send('SEND', { destination: topic }, 'to all');
        for (const peer of audience) equal((await peer.frame()).body, 'to all');
        // A second copy of the first would stand before this one.
        publisher.send('SEND', { destination: topic }, 'once more');
        for (const peer of audience) equal((await peer.frame()).body, 'once more');
        for (const peer of audience) peer.close();
      }),
  },
];

async function subscriberOf(
  open: Parameters<Journey['run']>[0]['open'],
  destination: string,
): Promise<Peer> {
  const peer = await open(['v12.stomp']);
  peer.send('CONNECT', { 'accept-version': '1.2', host: 'h' });
  await peer.frame();
  await settled(peer, 'SUBSCRIBE', { id: 's', destination });
  return peer;
}
