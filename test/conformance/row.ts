/** A row of the table, and what it is given to run with. */
import { randomBytes } from 'node:crypto';
import { type Client, type HeaderRecord, type OpenOptions, open, RowFailure } from './client.ts';
import type { Version } from './frame.ts';
import type { Target } from './target.ts';

export interface Row {
  /** `ID` or `ID/variant`. */
  readonly id: string;
  readonly title: string;
  /** `binary`: needs binary WebSocket messages. `timed`: measures time, so it runs undisturbed. */
  readonly needs?: 'binary' | 'timed';
  readonly run: (world: World) => Promise<void>;
}

export const VERSIONS: readonly Version[] = ['1.0', '1.1', '1.2'];

/** What one row may use: connections that are cleaned up, names that nobody else uses. */
export interface World {
  readonly target: Target;
  /** A WebSocket, nothing said yet. */
  open(options?: OpenOptions): Promise<Client>;
  /** A STOMP session. */
  connect(version?: Version, more?: HeaderRecord): Promise<Client>;
  /** A fresh topic; `name` tells two of one row apart. */
  topic(name?: string): string;
  queue(name?: string): string;
  /** Proof that the client's stream is dealt with (see Client.fence) and holds no MESSAGE. */
  silent(client: Client, what: string): Promise<void>;
  pause(millis: number): Promise<void>;
}

const run = randomBytes(4).toString('hex');
let names = 0;

export async function runRow(
  row: Row,
  target: Target,
  blame: (fault: string) => void,
): Promise<void> {
  if (row.needs === 'binary' && !target.binary) {
    throw new RowFailure('binary messages are not carried (BINARY=1 allows them)');
  }
  const clients: Client[] = [];
  const word = row.id.replaceAll(/[^A-Za-z0-9]/g, '');
  const name = (extra: string): string => `c${run}.${word}.${extra}${names++}`;
  const world: World = {
    target,
    open: async (options) => {
      const client = await open(target, blame, options);
      clients.push(client);
      return client;
    },
    connect: async (version = '1.2', more = {}) => {
      const client = await world.open();
      await client.connect(version, more);
      return client;
    },
    topic: (extra = 'x') => target.topicPrefix + name(extra),
    queue: (extra = 'x') => target.queuePrefix + name(extra),
    silent: async (client, what) => {
      await client.fence(world.topic('fence'));
      const found = client.inbox.find((frame) => frame.command === 'MESSAGE');
      if (found !== undefined) {
        throw new RowFailure(`${what}: MESSAGE "${found.body.toString('utf8').slice(0, 60)}"`);
      }
    },
    pause: (millis) => new Promise((resolve) => setTimeout(resolve, millis)),
  };
  try {
    await row.run(world);
  } finally {
    for (const client of clients) client.socket.terminate();
  }
}
