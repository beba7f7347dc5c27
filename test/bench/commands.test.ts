/** What is typed behind a bench or an echo server is understood, or refused before anything runs. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>;
};
const commands = Object.entries(scripts).filter(([name]) => /^(bench|serve)\b/.test(name));

async function run(command: string, argument: string) {
  const [program = '', ...args] = [...command.split(' '), argument];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const words = Promise.all([text(child.stdout), text(child.stderr)]);
  const [code] = await once(child, 'close');
  const [out, error] = await words;
  return { code, out, error };
}

test.each(commands)(
  'npm run %s refuses an argument it does not know, in words, and runs nothing',
  async (name, command) => {
    for (const argument of ['--nonsense', 'nonsense']) {
      const { code, out, error } = await run(command, argument);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(error).toContain('nonsense');
      expect(error).toContain(`npm run ${name.replace(/^bench:(rooms|fanout)$/, 'bench')}`);
      expect(error).not.toMatch(/^ +at /m);
    }
  },
  60_000,
);
