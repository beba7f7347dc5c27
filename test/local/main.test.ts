/** `npm start` as people run it: a process, its output, its exit. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { client } from './gateway.ts';

const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly errors: string[];
  readonly exit: Promise<number | null>;
  /** Resolves with the line that begins with `ready`, rejects if the process ends without one. */
  readonly ready: Promise<string>;
}

function run(args: readonly string[], variables: Record<string, string> = {}): Run {
  const sources = ['--import', './local/sources.mjs', 'local/main.ts'];
  const child = spawn(process.execPath, [...sources, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], ...variables },
  });
  running.push(child);
  const lines: string[] = [];
  const errors: string[] = [];
  const exit = once(child, 'close').then(([code]: (number | null)[]) => code ?? null);
  const ready = new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      if (line.startsWith('ready')) resolve(line);
    });
    createInterface(child.stderr).on('line', (line) => errors.push(line));
    exit.then(() => reject(new Error(`ended without ready: ${errors.join('\n')}`)));
  });
  ready.catch(() => undefined);
  return { child, lines, errors, exit, ready };
}

test('it prints the URLs, a line to paste and ready; serves; and ends on SIGTERM within 2 s', async () => {
  const { child, lines, exit, ready } = run(['--memory', '--port', '0']);
  const port = /:(\d+)$/.exec(await ready)?.[1];
  expect(lines.join('\n')).toContain(`npx wscat -c ws://127.0.0.1:${port}/ws`);
  expect(lines.join('\n')).toContain(`http://127.0.0.1:${port}/`);
  const { ws, texts, closed } = await client(`ws://127.0.0.1:${port}/ws`);
  ws.send('{"subscribe":"/topic/a"}');
  ws.send('{"send":"/topic/a","body":"hello"}');
  let heard = '';
  while (!heard.includes('"MESSAGE"')) heard = await texts.next();
  expect(JSON.parse(heard)).toMatchObject({ command: 'MESSAGE', body: 'hello' });
  const before = Date.now();
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(Date.now() - before).toBeLessThan(2000);
  expect((await closed).code).toBe(1001);
});

test('a taken port is a message and exit 1', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const { errors, exit } = run(['--memory'], { PORT: String(port) });
  expect(await exit).toBe(1);
  expect(errors).toEqual([
    `Port ${port} on 127.0.0.1 is taken. Choose another with --port or PORT.`,
  ]);
  other.close();
});

test.each([
  ['--help', /^npm start -- \[options\]\n {2}--port N/],
  ['-h', /--data DIR/],
  ['--version', /^stompway\/\d+\.\d+\.\d+$/],
])('%s answers and starts nothing', async (question, answer) => {
  const { lines, exit } = run([question, '--port', '0']);
  expect(await exit).toBe(0);
  expect(lines.join('\n')).toMatch(answer);
});

test.each([
  [['--prot', '1'], /Unknown option/],
  [['--host', '0.0.0.0'], /Cannot listen on 0\.0\.0\.0/],
  [['--memory', '--config', 'nowhere.json'], /nowhere\.json cannot be read/],
])('%j is words and exit 1', async (args, words) => {
  const { errors, exit } = run(args);
  expect(await exit).toBe(1);
  expect(errors.join('\n')).toMatch(words);
  expect(errors.join('\n')).not.toMatch(/at .*\.ts:/);
});
