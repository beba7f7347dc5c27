import fc from 'fast-check';
import { BrokerError } from '../../broker/errors.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Command } from '../../broker/model.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { frameBytes, parseFrame } from '../../protocol/stomp/frame.ts';

const VERSIONS = ['1.0', '1.1', '1.2', undefined] as const;
type Version = (typeof VERSIONS)[number];

const text = fc.string({ unit: 'binary', maxLength: 20 });
/** Characters on which the codec turns, in every neighbourhood. */
const marked = fc
  .array(
    fc.constantFrom('\\', 'n', 'c', 'r', 't', ':', '\r', '\n', '\0', 'a', ' ', 'é', '😀', '\ufffd'),
    {
      maxLength: 12,
    },
  )
  .map((parts) => parts.join(''));
const field = fc.oneof(text, marked);

/** What a version can say: no LF or NUL in 1.0, no colon in its names; no CR where it ends lines. */
function sayable(version: Version, name: string, value: string): boolean {
  if (name === '' || name.startsWith('\0') || name === 'content-length') return false;
  if (version === '1.1' || version === '1.2') return true;
  if (/[\n\0:]/.test(name) || /[\n\0]/.test(value)) return false;
  return version !== undefined || !value.endsWith('\r');
}

test.each(VERSIONS)('what is written in version %s is read back as it was', (version) => {
  const headers = fc.array(
    fc.tuple(field, field).filter(([name, value]) => sayable(version, name, value)),
    { maxLength: 8 },
  );
  const command = fc.constantFrom('SEND', 'SUBSCRIBE', 'MESSAGE');
  fc.assert(
    fc.property(command, headers, fc.uint8Array({ maxLength: 100 }), (sent, pairs, body) => {
      const counted = [...pairs, ['content-length', String(body.length)] as const];
      const bytes = frameBytes(sent, counted, body, version);
      const parsed = parseFrame(bytes, 0, version, LIMITS);
      if (typeof parsed === 'string' || parsed instanceof BrokerError) throw new Error(`${parsed}`);
      expect(parsed.command).toBe(sent);
      expect(parsed.headers).toEqual(counted);
      expect(Buffer.from(parsed.body)).toEqual(Buffer.from(body));
      expect(parsed.end).toBe(bytes.length);
    }),
    { numRuns: 500 },
  );
});

test.each(VERSIONS)('no header of version %s breaks out of its line', (version) => {
  fc.assert(
    fc.property(field, field, (name, value) => {
      const bytes = frameBytes(
        'SEND',
        [
          [name, value],
          ['last', '1'],
        ],
        Buffer.from('b'),
        version,
      );
      const lines = bytes.toString('utf8', 0, bytes.lastIndexOf('\n')).split('\n');
      expect(lines).toHaveLength(4);
      expect([lines[0], lines[2], lines[3]]).toEqual(['SEND', 'last:1', '']);
      if (version === '1.0')
        expect(lines[1]?.split(':')[0]).toBe(name.replace(/[\n\0]/g, ' ').replaceAll(':', '_'));
    }),
    { numRuns: 500 },
  );
});

/** Feeds pieces as the core does: what is left of one comes before the next. */
function fed(pieces: readonly Uint8Array[], version: Version): Command[] {
  const commands: Command[] = [];
  let spoken: string | undefined = version;
  let half: Uint8Array = new Uint8Array(0);
  for (const piece of pieces) {
    const decoded = stompDialect.decode(Buffer.concat([half, piece]), spoken);
    half = decoded.half ?? new Uint8Array(0);
    for (const command of decoded.commands) {
      commands.push(command);
      if (command.type === 'refused') return commands;
      if (command.type === 'connect') spoken ??= command.version;
    }
  }
  return commands;
}

/** Errors by their code: the words may name another of two limits passed at once. */
function comparable(commands: readonly Command[]): unknown {
  return commands.map((command) => {
    if (command.type === 'refused') return { refused: command.error.code };
    return command.type === 'send' ? { ...command, body: [...command.body] } : command;
  });
}

const FRAMES = [
  'CONNECT\naccept-version:1.1\nx:a\\b\n\n\0',
  'STOMP\r\naccept-version:1.0,1.2\r\n\r\n\0',
  'SEND\ndestination:/topic/a\ncontent-length:5\n\na\0b\0c\0',
  'SEND\r\ndestination:/topic/a\r\nclé:größe 😀\r\n\r\nbody\r\n\0',
  'SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:r\\c1\n\n\0',
  '\n\r\n\r',
  'BEGIN\ntransaction:t\n\n\0\n',
  'send\n\n\0',
  'SEND\ndestination:/a\nfoo:\\t\n\n\0',
  'SEND\ndestination:/a\ncontent-length:3\n\nabcdef\0',
];
const stream = fc
  .array(fc.oneof(fc.constantFrom(...FRAMES.slice(0, 7)), fc.constantFrom(...FRAMES)), {
    maxLength: 6,
  })
  .map((frames) => Buffer.from(frames.join('')));

test('WSK-07/08/09/10: a stream cut anywhere holds the same commands', () => {
  const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 8 });
  fc.assert(
    fc.property(stream, cuts, fc.constantFrom(...VERSIONS), (bytes, at, version) => {
      const edges = [0, ...at.filter((edge) => edge < bytes.length), bytes.length].sort(
        (a, b) => a - b,
      );
      const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
      expect(comparable(fed(pieces, version))).toEqual(comparable(fed([bytes], version)));
    }),
    { numRuns: 2000 },
  );
});

test('WSK-08b: one octet a message holds the same commands', () => {
  fc.assert(
    fc.property(stream, fc.constantFrom(...VERSIONS), (bytes, version) => {
      const pieces = [...bytes].map((octet) => Uint8Array.of(octet));
      expect(comparable(fed(pieces, version))).toEqual(comparable(fed([bytes], version)));
    }),
    { numRuns: 200 },
  );
});

test('100,000 texts of noise are commands or refusals, and keep no memory', () => {
  const chance = noise(20_240_601);
  const samples = FRAMES.map((frame) => Buffer.from(frame));
  const kinds = new Set<string>();
  const before = process.memoryUsage().heapUsed;
  for (let run = 0; run < 100_000; run++) {
    const bytes = run % 4 === 0 ? randomBytes(chance) : mutated(samples, chance);
    const version = VERSIONS[chance() & 3];
    const { commands, half } = stompDialect.decode(bytes, version);
    for (const command of commands) {
      kinds.add(command.type);
      if (command.type === 'refused' && !(command.error instanceof BrokerError))
        throw command.error;
    }
    if (half !== undefined && half.buffer !== bytes.buffer) throw new Error('the half was copied');
  }
  expect([...kinds].sort()).toEqual(['begin', 'connect', 'refused', 'send', 'subscribe']);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
});

/** xorshift32: a failure repeats itself. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function randomBytes(chance: () => number): Buffer {
  const bytes = Buffer.allocUnsafe(chance() % 64);
  for (let index = 0; index < bytes.length; index++) bytes[index] = chance();
  return bytes;
}

/** Some frames in a row with up to three octets changed, often to one that means something. */
function mutated(samples: readonly Buffer[], chance: () => number): Buffer {
  const marks = Buffer.from('\0\n\r:\\ncS0\xff', 'latin1');
  const count = 1 + (chance() % 3);
  const bytes = Buffer.concat(
    Array.from({ length: count }, () => samples[chance() % samples.length] ?? Buffer.alloc(0)),
  );
  for (let changes = chance() % 4; changes > 0; changes--) {
    bytes[chance() % bytes.length] = marks[chance() % marks.length] ?? 0;
  }
  return bytes.subarray(0, bytes.length - (chance() % 3 === 0 ? chance() % bytes.length : 0));
}
