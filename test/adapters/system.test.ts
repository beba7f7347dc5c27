import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { consoleLog, systemClock, systemIds, systemTimer } from '../../adapters/system.ts';

function lines(level?: 'info' | 'warn' | 'error' | 'silent') {
  const written: string[] = [];
  const log = consoleLog({
    ...(level && { level }),
    write: (line) => written.push(line),
    clock: { now: () => 0 },
  });
  return { log, written, parsed: () => written.map((line): unknown => JSON.parse(line)) };
}

test('ids are long, spelt in letters, digits and dashes, and never the same', () => {
  const ids = Array.from({ length: 1000 }, () => systemIds.random());
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-zA-Z-]{20,40}$/);
});

test('the clock tells milliseconds since 1970', () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1000);
});

test('a sleep ends, an action runs, and one called off does not', async () => {
  const ran: string[] = [];
  const callOff = systemTimer.after(1, () => ran.push('called off'));
  await new Promise<void>((resolve) => {
    systemTimer.after(2, () => {
      ran.push('action');
      resolve();
    });
    callOff();
  });
  await systemTimer.sleep(3);
  expect(ran).toEqual(['action']);
});

test('a process that was held up hears what has come before it says that nothing came', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[socket]] = await Promise.all([once(server, 'connection'), once(client, 'connect')]);
  const happened: string[] = [];
  await new Promise<void>((resolve) => {
    systemTimer.after(20, () => {
      happened.push('the limit is over');
      resolve();
    });
    client.on('data', () => happened.push('something came'));
    // The kernel has it at once; this process looks when it is next free to.
    socket.write('x');
    const until = performance.now() + 100;
    while (performance.now() < until);
  });
  client.destroy();
  socket.destroy();
  server.close();
  expect(happened).toEqual(['something came', 'the limit is over']);
});

test('an event is one line of JSON, whatever is in its fields', () => {
  const { log, written, parsed } = lines();
  log.info('opened', { connectionId: 'a\nb' });
  log.warn('odd');
  expect(written.join('')).not.toContain('\n');
  expect(parsed()).toEqual([
    { time: '1970-01-01T00:00:00.000Z', level: 'info', event: 'opened', connectionId: 'a\nb' },
    { time: '1970-01-01T00:00:00.000Z', level: 'warn', event: 'odd' },
  ]);
});

test('an error is told with its stack and its causes', () => {
  const { log, parsed } = lines();
  log.error('failed', new Error('outer', { cause: new TypeError('inner') }), { step: 1 });
  expect(parsed()).toMatchObject([
    {
      level: 'error',
      step: 1,
      error: {
        name: 'Error',
        message: 'outer',
        stack: expect.stringContaining('system.test'),
        cause: { name: 'TypeError', message: 'inner' },
      },
    },
  ]);
});

test('what is no JSON and what is no Error is told all the same', () => {
  const { log, parsed } = lines();
  const circle: Record<string, unknown> = { size: 1n };
  circle['self'] = circle;
  log.info('round', { circle });
  log.error('thrown', 'a string');
  expect(parsed()).toMatchObject([
    { event: 'round', fields: expect.stringContaining('1n') },
    { event: 'thrown', error: expect.stringContaining('a string') },
  ]);
});

test.each([
  ['info', ['info', 'warn', 'error']],
  ['warn', ['warn', 'error']],
  ['error', ['error']],
  ['silent', []],
] as const)('at level %s these are written: %j', (level, expected) => {
  const { log, parsed } = lines(level);
  log.info('x');
  log.warn('x');
  log.error('x', new Error('x'));
  expect(parsed()).toMatchObject(expected.map((one) => ({ level: one })));
});
