import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Served, serve } from './served.ts';
import { programOf, shown, transcriptOf, transcriptsOf } from './transcript.ts';
import { startWscat, type Wscat } from './wscat.ts';

const readme = readFileSync('README.md', 'utf8');
const README_URL = 'ws://127.0.0.1:8080/ws';

let served: Served;
let wscats: Wscat[] = [];
let programs: ChildProcess[] = [];

beforeEach(async () => {
  served = await serve();
});

afterEach(async () => {
  for (const program of programs) program.kill();
  await Promise.all(wscats.map((wscat) => wscat.stop()));
  wscats = [];
  programs = [];
  await served.stop();
});

async function wscat(): Promise<Wscat> {
  const started = await startWscat(served.url);
  wscats.push(started);
  return started;
}

/** README's program against this broker, from its standard input; its printed lines. */
function program(): AsyncIterator<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  programs.push(child);
  child.stdin.end(programOf(readme).replaceAll(README_URL, served.url));
  return createInterface(child.stdout)[Symbol.asyncIterator]();
}

test.each(transcriptsOf(readme).map((steps) => [steps[0]?.line, steps] as const))(
  "README's wscat transcript from %s on plays as printed",
  async (_, steps) => {
    expect(steps.filter(({ type }) => type === 'typed').length).toBeGreaterThan(1);
    expect(steps.filter(({ type }) => type === 'received').length).toBeGreaterThan(1);
    const terminal = await wscat();
    // In what is typed `…` stands for the epoch that was heard.
    let epoch = '…';
    for (const { type, line } of steps) {
      if (type === 'typed') terminal.type(line.replace('…', epoch));
      else {
        const heard = await terminal.received();
        expect(heard).toMatch(shown(line));
        epoch = /"position":"(\w+):/.exec(heard)?.[1] ?? epoch;
      }
    }
  },
);

test("README's program and a wscat hear each other", async () => {
  const terminal = await wscat();
  terminal.type('{"subscribe":"/topic/greetings"}');
  await terminal.received();
  const heard = program();
  expect((await heard.next()).value).toBe('hello from stompjs');
  expect(JSON.parse(await terminal.received())).toMatchObject({ body: 'hello from stompjs' });
  terminal.type('{"send":"/topic/greetings","body":"hello from wscat"}');
  expect((await heard.next()).value).toBe('hello from wscat');
});

test('the first lines of README start what is tested here', () => {
  expect(readme).toContain(README_URL);
  expect(programOf(readme)).toContain(README_URL);
});

test('a transcript is read from the first block that has one, and … is a blank', () => {
  const text =
    '```console\nnpm i\n```\n\n```console\n$ wscat\n> {"a":1}\n< {"id":"…","b":2}\n```\n';
  const steps = transcriptOf(text);
  expect(steps).toEqual([
    { type: 'typed', line: '{"a":1}' },
    { type: 'received', line: '{"id":"…","b":2}' },
  ]);
  const pattern = shown(steps[1]?.line ?? '');
  expect('{"id":"x-1","b":2}').toMatch(pattern);
  expect('{"id":"","b":2}').not.toMatch(pattern);
  expect('{"id":"x","c":"y","b":2}').not.toMatch(pattern);
});
