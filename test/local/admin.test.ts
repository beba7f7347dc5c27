/** What `npm run admin` says where it cannot do what was asked. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { startBroker } from '../../local/broker.ts';

async function admin(url: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'local/admin.ts', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, STOMPWAY_URL: url },
  });
  const words = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await once(child, 'close');
  return { code, words: (await words).join('') };
}

test.each([
  [['frobnicate']],
  [['kick']],
  [['kick', 'one', 'two']],
  [['ban', 'ann', '2h', 'bob']],
  [['list', '--usr', 'ann']],
  [['list', '--user']],
  [['list', '--after']],
  [['send', 'ann', 'queue/x']],
])(
  '%j is answered with what there is, and asks the broker nothing',
  async (args) => {
    const { code, words } = await admin('http://127.0.0.1:1', ...args);
    expect(code).toBe(2);
    expect(words).toContain('This is no such command, or part of it is missing or too much.');
    expect(words).toContain('list [--user NAME] [--destination /topic/a] [--after NEXT]');
  },
  30_000,
);

test('a broker without administration is told from one that knows no such thing', async () => {
  const broker = await startBroker({ port: 0, memory: true });
  try {
    const { code, words } = await admin(`http://127.0.0.1:${broker.port}`, 'list');
    expect(code).toBe(1);
    expect(words).toContain('stompway.json has no "administration"');
  } finally {
    await broker.close();
  }
}, 30_000);
