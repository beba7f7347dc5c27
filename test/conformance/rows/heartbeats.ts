/** Section 11: heart-beats. The rows measure time, so they run when nothing else does. */
import { type Client, check } from '../client.ts';
import { header } from '../frame.ts';
import type { Row, World } from '../row.ts';
import { usable } from './connecting.ts';

/** The spec leaves the margin of error open; a fifth and 100 ms is what a LAN and a timer need. */
const MARGIN = 1.2;
const MARGIN_MS = 100;

function quiet(id: string, title: string, more: Readonly<Record<string, string>>): Row {
  return {
    id,
    title,
    needs: 'timed',
    run: async (world) => {
      const client = await world.connect('1.2', more);
      const before = client.arrivals.length;
      await world.pause(world.target.beatMs * 2.5);
      check(client.arrivals.length === before, 'data came without being asked for');
      await usable(world, client);
    },
  };
}

/** Speaks every 0.8 of the promised interval, four intervals long. */
async function speaks(world: World, client: Client, say: () => void): Promise<void> {
  for (let beat = 0; beat < 5; beat++) {
    await world.pause(world.target.beatMs * 0.8);
    say();
  }
  await usable(world, client);
}

/** Fails if the server paused longer than it promised; void if it promised nothing. */
function gaps(client: Client, sends: number, wants: number): void {
  if (sends === 0) return;
  const allowed = Math.max(sends, wants) * MARGIN + MARGIN_MS;
  const times = [...client.arrivals, performance.now()];
  const longest = Math.max(...times.slice(1).map((time, n) => time - (times[n] ?? time)));
  check(longest <= allowed, `a gap of ${longest.toFixed(0)} ms, allowed ${allowed.toFixed(0)} ms`);
}

async function beating(world: World, sends: number, wants: number) {
  const client = await world.open();
  const connected = await client.connect('1.2', { 'heart-beat': `${sends},${wants}` });
  return { client, serverSends: Number((header(connected, 'heart-beat') ?? '0,0').split(',')[0]) };
}

export const heartbeats: readonly Row[] = [
  quiet('HBT-01', 'no heart-beat header: no beats', {}),
  quiet('HBT-02', 'heart-beat:0,0: no beats', { 'heart-beat': '0,0' }),
  {
    id: 'HBT-03',
    title: "CONNECTED's heart-beat is two integers",
    run: async (world) => {
      const client = await world.open();
      const connected = await client.connect('1.2', { 'heart-beat': '10000,10000' });
      const value = header(connected, 'heart-beat');
      check(value === undefined || /^\d+,\d+$/.test(value), `heart-beat:${value}`);
    },
  },
  {
    id: 'HBT-04',
    title: 'a server that promises beats sends them in time',
    needs: 'timed',
    run: async (world) => {
      const { client, serverSends } = await beating(world, 0, world.target.beatMs);
      await world.pause(world.target.beatMs * 4.2);
      gaps(client, serverSends, world.target.beatMs);
    },
  },
  {
    id: 'HBT-05',
    title: 'a client that beats is not dropped',
    needs: 'timed',
    run: async (world) => {
      const { client } = await beating(world, world.target.beatMs, 0);
      await speaks(world, client, () => client.text('\n'));
    },
  },
  {
    id: 'HBT-06',
    title: 'a silent client is not dropped before its interval is over',
    needs: 'timed',
    run: async (world) => {
      const { client } = await beating(world, world.target.beatMs, 0);
      await world.pause(world.target.beatMs * 0.95);
      check(client.closeCode === undefined, 'closed too early');
    },
  },
  {
    id: 'HBT-08',
    title: 'EOLs as messages of their own are not answered and break nothing',
    run: async (world) => {
      const client = await world.connect();
      const before = client.arrivals.length;
      for (const eols of ['\n', '\r\n', '\n\n\n']) client.text(eols);
      await world.pause(world.target.quietMs);
      check(client.arrivals.length === before, 'an EOL was answered');
      await usable(world, client);
    },
  },
  {
    id: 'HBT-10',
    title: 'frames count as beats',
    needs: 'timed',
    run: async (world) => {
      const { client } = await beating(world, world.target.beatMs, 0);
      const topic = world.topic();
      await speaks(world, client, () => client.send(topic, 'alive'));
    },
  },
  {
    id: 'HBT-11',
    title: 'huge intervals are accepted',
    run: async (world) => {
      await usable(world, await world.connect('1.2', { 'heart-beat': '2147483647,2147483647' }));
    },
  },
  ...['abc', '-5,0'].map(
    (value): Row => ({
      id: `HBT-12/${value === 'abc' ? 'words' : 'negative'}`,
      title: `heart-beat:${value} is answered`,
      run: async (world) => {
        const client = await world.open();
        const { host, login, passcode } = world.target;
        const headers = { 'accept-version': '1.2', host, login, passcode, 'heart-beat': value };
        client.frame('CONNECT', headers);
        await client.rejectedOr('CONNECTED');
      },
    }),
  ),
  {
    id: 'HBT-13',
    title: 'both sides beat at once',
    needs: 'timed',
    run: async (world) => {
      const { beatMs } = world.target;
      const { client, serverSends } = await beating(world, beatMs, beatMs);
      await speaks(world, client, () => client.text('\n'));
      gaps(client, serverSends, beatMs);
    },
  },
];
