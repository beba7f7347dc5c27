/**
 * The real wscat in a pseudo-terminal (util-linux `script`), as a person has it: lines are typed,
 * and what it prints is read line by line, colours and cursor moves taken off.
 */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';

/** A process start on a busy machine, and then some. */
const PATIENCE_MS = 10_000;

export interface Wscat {
  type(line: string): void;
  /** Waits for the next received line (without its `< `), after those already waited for. */
  received(): Promise<string>;
  stop(): Promise<void>;
}

/** Resolves once wscat says it is connected. */
export async function startWscat(url: string): Promise<Wscat> {
  const child = spawn('script', inTerminal(['node_modules/.bin/wscat', '-c', url]), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const changes = new EventEmitter();
  const lines: string[] = [];
  let half = '';
  let ended: string | undefined;
  const over = (how: string): void => {
    ended = how;
    changes.emit('change');
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const all = (half + text).split('\n');
    half = all.pop() ?? '';
    lines.push(...all.map(cleaned));
    changes.emit('change');
  });
  const exit = once(child, 'exit').then(
    () => over('wscat ended'),
    (cause: unknown) => over(`"script" of util-linux did not start (${cause})`),
  );
  const next = async (what: string, fits: (line: string) => boolean): Promise<string> => {
    const deadline = AbortSignal.timeout(PATIENCE_MS);
    for (;;) {
      const at = lines.findIndex(fits);
      if (at >= 0) return lines.splice(0, at + 1)[at] ?? '';
      const said = lines.join('\n');
      if (ended !== undefined) throw new Error(`${ended} before ${what}; it said:\n${said}`);
      await once(changes, 'change', { signal: deadline }).catch((cause: unknown) => {
        throw new Error(`wscat did not show ${what}; it said:\n${said}`, { cause });
      });
    }
  };
  await next('Connected', (line) => line.startsWith('Connected'));
  return {
    type: (line) => {
      child.stdin.write(`${line}\r`);
    },
    received: async () => (await next('a received line', (line) => line.startsWith('< '))).slice(2),
    stop: async () => {
      // Ctrl-D, then the hang-up of the terminal.
      child.stdin.end('\u0004');
      const kill = setTimeout(() => child.kill('SIGKILL'), 1_000);
      await exit;
      clearTimeout(kill);
    },
  };
}

/** Arguments of `script`, which Linux and the BSDs (macOS) order differently. */
function inTerminal(command: readonly string[]): readonly string[] {
  if (process.platform !== 'linux') return ['-q', '/dev/null', ...command];
  return ['-qfec', command.join(' '), '/dev/null'];
}

/** The prompt is redrawn in front of what is printed: only what follows the last return counts. */
function cleaned(line: string): string {
  return stripVTControlCharacters(line.replace(/\r$/, '')).split('\r').at(-1) ?? '';
}
