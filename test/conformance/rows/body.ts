/** Section 4: body, content-length, content-type. */
import { check, same } from '../client.ts';
import { type Frame, header, headersNamed, type Version } from '../frame.ts';
import { type Row, VERSIONS, type World } from '../row.ts';

/** The MESSAGE that a SEND with these raw lines and this body becomes. */
async function sent(
  world: World,
  lines: string,
  body: string | Buffer,
  version: Version = '1.2',
): Promise<Frame> {
  const client = await world.connect(version);
  const topic = world.topic();
  await client.subscribe(topic, 's');
  const head = Buffer.from(`SEND\ndestination:${topic}\n${lines}\n`);
  const frame = Buffer.concat([head, Buffer.from(body), Buffer.from([0])]);
  if (typeof body === 'string') client.text(frame);
  else client.binary(frame);
  return client.message();
}

/** Text from every plane, with every control character that may stand in an uncounted body. */
const allPlanes = [
  Array.from({ length: 31 }, (_, n) => String.fromCharCode(n + 1)).join(''),
  '\u007f\u0080 é ß \u2028 日本語 \ufeff \ufffd 😀 𝒳 \u{10fffd}',
].join('');

export const body: readonly Row[] = [
  ...VERSIONS.map(
    (version): Row => ({
      id: `BOD-01/${version}`,
      title: `a counted body may hold NULs, ${version}`,
      run: async (world) => {
        const message = await sent(world, 'content-length:6\n', 'a\0b\0\0c', version);
        same(message.body.toString(), 'a\0b\0\0c', 'the body');
        same(header(message, 'content-length'), '6', 'content-length');
      },
    }),
  ),
  ...VERSIONS.map(
    (version): Row => ({
      id: `BOD-02/${version}`,
      title: `an uncounted body ends at the first NUL, ${version}`,
      run: async (world) => {
        same((await sent(world, '', 'plain', version)).body.toString(), 'plain', 'the body');
      },
    }),
  ),
  {
    id: 'BOD-03',
    title: 'an empty body with content-length:0',
    run: async (world) => {
      same((await sent(world, 'content-length:0\n', '')).body.length, 0, 'the body length');
    },
  },
  {
    id: 'BOD-04',
    title: 'an empty body without content-length',
    run: async (world) => same((await sent(world, '', '')).body.length, 0, 'the body length'),
  },
  {
    id: 'BOD-05',
    title: 'MESSAGE counts a body that was sent uncounted',
    run: async (world) => {
      same(header(await sent(world, '', 'héllo'), 'content-length'), '6', 'content-length');
    },
  },
  {
    id: 'BOD-06',
    title: 'content-length counts octets',
    run: async (world) => {
      const text = 'ünï😀';
      const length = Buffer.byteLength(text);
      const message = await sent(world, `content-length:${length}\n`, text);
      same(message.body.toString(), text, 'the body');
    },
  },
  {
    id: 'BOD-07',
    title: 'content-type is passed on',
    run: async (world) => {
      const type = 'application/json;charset=utf-8';
      same(header(await sent(world, `content-type:${type}\n`, '{}'), 'content-type'), type, 'it');
    },
  },
  {
    id: 'BOD-08',
    title: 'text of all planes and control characters is unchanged',
    run: async (world) => {
      same((await sent(world, '', allPlanes)).body.toString(), allPlanes, 'the body');
    },
  },
  {
    id: 'BOD-09',
    title: 'all 256 octets in a binary message are unchanged',
    needs: 'binary',
    run: async (world) => {
      const octets = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const message = await sent(world, 'content-length:256\n', octets);
      check(message.body.equals(octets), 'the octets differ');
    },
  },
  {
    id: 'BOD-10',
    title: 'LFs at both ends of a body stay',
    run: async (world) => {
      same((await sent(world, '', '\n\nbody\n\n')).body.toString(), '\n\nbody\n\n', 'the body');
    },
  },
  {
    id: 'BOD-11',
    title: 'a large body (LARGE_KB) is unchanged',
    run: async (world) => {
      const size = world.target.largeKiB * 1024;
      const text = Array.from({ length: size / 8 }, (_, n) => String(n).padStart(8)).join('');
      same((await sent(world, '', text)).body.toString(), text, 'the body');
    },
  },
  {
    id: 'BOD-12',
    title: 'MESSAGE has exactly one content-length',
    run: async (world) => {
      const message = await sent(world, 'content-length:4\n', 'body');
      same(headersNamed(message, 'content-length'), ['4'], 'content-length');
    },
  },
];
