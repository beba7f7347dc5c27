/**
 * The flags of a command: `--help` is answered, and what is not understood is refused in words with
 * exit code 2, before anything starts.
 */
import { parseArgs } from 'node:util';

/** What is said in place of the command, and the exit code that goes with it. */
export interface Told {
  readonly told: string;
  readonly exitCode: 0 | 2;
}

/** What `parse`, a call of parseArgs, reads in them. */
export function parseFlags<Flags>(
  args: readonly string[],
  usage: string,
  parse: (args: string[]) => Flags,
): { readonly flags: Flags } | Told {
  if (args.includes('--help') || args.includes('-h')) return { told: usage, exitCode: 0 };
  try {
    return { flags: parse([...args]) };
  } catch (fault) {
    // parseArgs throws on an unknown flag, with words meant for the person who typed it.
    return refusal(fault instanceof Error ? fault.message : String(fault), usage);
  }
}

/** The process' own flags. It returns only if they are understood. */
export function readFlags<Flags>(usage: string, parse: (args: string[]) => Flags): Flags {
  const parsed = parseFlags(process.argv.slice(2), usage, parse);
  return 'told' in parsed ? leave(parsed) : parsed.flags;
}

/** For a command that takes none: whatever is given is refused, rather than ignored. */
export function takeNoFlags(usage: string): void {
  readFlags(usage, (args) => parseArgs({ args, options: {} }));
}

/** Ends the process: a flag is known, and its value is none. */
export function refuse(fault: string, usage: string): never {
  return leave(refusal(fault, usage));
}

/** A whole number from `least` on; undefined if the text is none. */
export function countFrom(least: number, text: string): number | undefined {
  return /^\d{1,15}$/.test(text) && Number(text) >= least ? Number(text) : undefined;
}

/** The same, of a flag; what is none ends the process in words. */
export function readCount(flag: string, text: string, least: number, usage: string): number {
  return countFrom(least, text) ?? refuse(`${flag} takes a whole number from ${least}.`, usage);
}

function refusal(fault: string, usage: string): Told {
  return { told: `${fault}\n\n${usage}`, exitCode: 2 };
}

function leave({ told, exitCode }: Told): never {
  console[exitCode === 0 ? 'log' : 'error'](told);
  process.exit(exitCode);
}
