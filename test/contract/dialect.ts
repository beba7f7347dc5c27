/**
 * What the core expects of any dialect, whatever it looks like on the wire. The caller gives one
 * text of each kind; the contract looks at commands, and at bytes only as far as all dialects agree:
 * what a client is told can be found in them, in UTF-8.
 */
import fc from 'fast-check';
import { BrokerError, ERRORS } from '../../broker/errors.ts';
import type { Command, Dialect, Message, Reply } from '../../broker/model.ts';

export interface DialectSamples {
  /** A version a session may have; each of `Dialect.versions` is tried besides. */
  readonly version: string;
  readonly connect: Uint8Array;
  /** To /topic/a, with the receipt r-1 where the dialect has receipts for it. */
  readonly subscribe: Uint8Array;
  /** To /topic/a, body `hello`, user header `x-one` = `1`. */
  readonly send: Uint8Array;
  /** Whole, and understood by nobody. */
  readonly nonsense: Uint8Array;
}

const MESSAGE: Message = {
  id: 'm-1',
  destination: '/topic/a',
  headers: [
    ['x-one', '1'],
    ['content-type', 'text/plain'],
  ],
  body: Buffer.from('hello'),
};

const ERROR = new BrokerError('header-missing', 'SEND needs a thing', 'Add the thing to it.', [
  ['x-extra', 'seen'],
]);

const REPLIES: readonly Reply[] = [
  { type: 'connected', version: '1.2', session: 's-1', heartBeat: [0, 240_000], server: 'it/1.0' },
  { type: 'receipt', receipt: 'r-1' },
  { type: 'receipt', receipt: 'r-1', headers: [['x-position', 'e5']] },
  { type: 'error', error: ERROR },
  { type: 'error', error: ERROR, receipt: 'r-1' },
];

export function dialectContract(name: string, dialect: Dialect, samples: DialectSamples): void {
  const { version } = samples;
  const versions = [...new Set([version, ...dialect.versions])];
  const decoded = (bytes: Uint8Array): readonly Command[] =>
    dialect.decode(bytes, version).commands;

  describe(`${name} keeps the contract of dialects:`, () => {
    test('its versions are listed lowest first, and it has a name', () => {
      expect(dialect.name).not.toBe('');
      expect(dialect.versions).toEqual([...dialect.versions].sort());
    });

    test('a connect, a subscribe and a send become their commands', () => {
      const connect = dialect.decode(samples.connect, undefined).commands;
      expect(connect).toMatchObject([{ type: 'connect', version: expect.any(String) }]);
      expect(decoded(samples.subscribe)).toMatchObject([
        { type: 'subscribe', destination: '/topic/a', ack: 'auto' },
      ]);
      const [send] = decoded(samples.send);
      expect(send).toMatchObject({ type: 'send', destination: '/topic/a' });
      if (send?.type !== 'send') throw new Error('no send');
      expect(Buffer.from(send.body).toString()).toBe('hello');
      expect(send.headers).toContainEqual(['x-one', '1']);
    });

    test('nonsense is refused in words, with a code of the table', () => {
      const refused = decoded(samples.nonsense).at(-1);
      if (refused?.type !== 'refused') throw new Error('not refused');
      expect(Object.keys(ERRORS)).toContain(refused.error.code);
      expect(refused.error.mend).toMatch(/\w+ \w+/);
    });

    test('no bytes at all are no command and no half', () => {
      expect(dialect.decode(new Uint8Array(0), version)).toEqual({ commands: [] });
    });

    test('half a text is kept or refused, and never understood', () => {
      for (const sample of [samples.connect, samples.subscribe, samples.send]) {
        for (let cut = 1; cut < sample.length; cut++) {
          const { commands, half } = dialect.decode(sample.subarray(0, cut), version);
          expect(commands.every(({ type }) => type === 'refused')).toBe(true);
          if (half !== undefined)
            expect(Buffer.from(sample).includes(Buffer.from(half))).toBe(true);
        }
      }
    });

    test('what is left of a text is a view that slice copies', () => {
      const input = Uint8Array.from(samples.send.subarray(0, samples.send.length - 1));
      const { half } = dialect.decode(input, version);
      if (half === undefined) return;
      expect(half.buffer).toBe(input.buffer);
      expect(half.slice().buffer).not.toBe(input.buffer);
    });

    test.each(versions)('every reply can be written in version %s, and before any', (spoken) => {
      for (const reply of REPLIES) {
        for (const agreed of [spoken, undefined]) {
          const text = Buffer.from(dialect.encode(reply, agreed)).toString();
          for (const told of toldBy(reply)) expect(text).toContain(told);
        }
      }
    });

    test.each(versions)('a message of version %s tells what it is and whom it is for', (spoken) => {
      const text = Buffer.from(dialect.message(MESSAGE, spoken)('sub-7')).toString();
      for (const told of ['m-1', '/topic/a', 'x-one', 'text/plain', 'hello', 'sub-7']) {
        expect(text).toContain(told);
      }
    });

    test.each(versions)('each receiver gets its own subscription and ack in %s', (spoken) => {
      const splice = dialect.message(MESSAGE, spoken);
      const texts = [splice('sub-1'), splice('sub-2'), splice('sub-1', 'ack-9'), splice('sub-1')];
      const [first, second, acked, again] = texts.map((text) => Buffer.from(text).toString());
      expect(first).toContain('sub-1');
      expect(second).toContain('sub-2');
      expect(second).not.toContain('sub-1');
      expect(acked).toContain('ack-9');
      expect(first).not.toContain('ack-9');
      expect(again).toBe(first);
    });

    test('two receivers of one subscription id share the bytes', () => {
      const splice = dialect.message(MESSAGE, version);
      expect(splice('sub-1')).toBe(splice('sub-1'));
    });

    test('a message keeps its bytes when the sender reuses the body', () => {
      const body = Buffer.from('hello');
      const splice = dialect.message({ ...MESSAGE, body }, version);
      body.fill('x');
      expect(Buffer.from(splice('sub-1')).toString()).toContain('hello');
    });

    test('any bytes give commands, and nothing follows a refusal that ends the connection', () => {
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200 }),
          fc.constantFrom(...versions),
          (bytes, spoken) => {
            const { commands, half } = dialect.decode(bytes, spoken);
            const ends = commands.findIndex(
              (command) =>
                command.type === 'refused' && (dialect.endsOnError || command.error.fatal),
            );
            expect(ends < 0 || (ends === commands.length - 1 && half === undefined)).toBe(true);
          },
        ),
        { numRuns: 500 },
      );
    });
  });
}

function toldBy(reply: Reply): readonly string[] {
  switch (reply.type) {
    case 'connected':
      return ['CONNECTED', reply.version, reply.session, reply.server];
    case 'receipt':
      return ['RECEIPT', reply.receipt, ...(reply.headers ?? []).flat()];
    case 'error':
      return [
        'ERROR',
        reply.error.code,
        reply.error.message,
        reply.error.mend,
        ...reply.error.headers.flat(),
        ...(reply.receipt === undefined ? [] : [reply.receipt]),
      ];
    default:
      throw new Error(`unknown ${JSON.stringify(reply satisfies never)}`);
  }
}
