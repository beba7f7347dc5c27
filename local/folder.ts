/**
 * One broker a data folder. A second would take the connections of the first for those of a dead
 * process, and end them. What says that a folder is taken is a socket somebody listens on: it ends
 * with its process however that ends, so nothing stays behind that a person must delete.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

export interface Occupied {
  release(): Promise<void>;
}

/** Makes the folder if need be. Throws, in words for the operator, if another broker has it. */
export async function occupy(folder: string): Promise<Occupied> {
  const address = addressOf(made(folder));
  const server = (await listening(address)) ?? (await succeed(address));
  if (server === undefined) {
    throw new Error(
      `Another broker uses the folder ${folder}. Stop it, or choose another folder with --data and another port with --port.`,
    );
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

function made(folder: string): string {
  try {
    makeFolder(resolve(folder));
    return realpathSync(folder);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`The data folder ${folder} cannot be made: ${why}`, { cause });
  }
}

/** One after the other: told to make all at once, Node tries for ever where none can be, as in /proc. */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (cause) {
    if (!isFolder(path)) throw cause;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** A socket's path may have some 100 octets, so it stands elsewhere, under a name of one length. */
function addressOf(folder: string): string {
  const name = `stompway-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : join(tmpdir(), `${name}.sock`);
}

/** Undefined: the address is taken, by a process or by what a killed one left. */
function listening(address: string): Promise<Server | undefined> {
  const server = createServer((visitor) => visitor.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (fault: Error & { code?: string }) => {
      if (fault.code === 'EADDRINUSE') resolve(undefined);
      else reject(fault);
    });
    server.listen(address, () => resolve(server));
  });
}

/** Takes the place of a process that was killed; undefined if it is alive. */
async function succeed(address: string): Promise<Server | undefined> {
  if (await answers(address)) return undefined;
  rmSync(address, { force: true });
  return listening(address);
}

function answers(address: string): Promise<boolean> {
  const visitor = connect(address);
  return new Promise((resolve) => {
    visitor.once('connect', () => {
      visitor.destroy();
      resolve(true);
    });
    visitor.once('error', (fault: Error & { code?: string }) => {
      resolve(fault.code !== 'ECONNREFUSED' && fault.code !== 'ENOENT');
    });
  });
}
