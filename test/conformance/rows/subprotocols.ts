/** Section 12, WebSocket sub-protocols. */
import { ALL_PROTOCOLS, type Client, check, RowFailure, same } from '../client.ts';
import type { Row, World } from '../row.ts';
import { usable } from './connecting.ts';

async function chosen(world: World, protocols: readonly string[]): Promise<Client> {
  const client = await world.open({ protocols });
  await client.connect('1.2');
  await usable(world, client);
  return client;
}

export const subprotocols: readonly Row[] = [
  ...ALL_PROTOCOLS.map(
    (protocol): Row => ({
      id: `WSK-01/${protocol.slice(0, 3)}`,
      title: `${protocol} offered alone is echoed`,
      run: async (world) => {
        const client = await world.open({ protocols: [protocol] });
        same(client.socket.protocol, protocol, 'the sub-protocol');
        await client.connect(
          protocol === 'v10.stomp' ? '1.0' : protocol === 'v11.stomp' ? '1.1' : '1.2',
        );
        await usable(world, client);
      },
    }),
  ),
  {
    id: 'WSK-04',
    title: 'one of three offered sub-protocols is chosen',
    run: async (world) => {
      const { protocol } = (await chosen(world, ALL_PROTOCOLS)).socket;
      check(ALL_PROTOCOLS.includes(protocol), `the sub-protocol is "${protocol}"`);
    },
  },
  {
    id: 'WSK-05',
    title: 'no sub-protocol offered works',
    run: async (world) => same((await chosen(world, [])).socket.protocol, '', 'the sub-protocol'),
  },
  {
    id: 'WSK-06',
    title: 'an unknown sub-protocol is never echoed',
    run: async (world) => {
      // The client library itself refuses a 101 without a choice: not echoed either way.
      const client = await world.open({ protocols: ['x-unknown'] }).catch((fault: unknown) => {
        if (fault instanceof RowFailure) return undefined;
        throw fault;
      });
      check(client === undefined || client.socket.protocol === '', 'it was echoed');
    },
  },
];
