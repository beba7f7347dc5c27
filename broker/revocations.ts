/**
 * Who is shut out, as one shelf of bans that every environment reads anew every two seconds at most:
 * no message pays for it. What this process bans itself it knows at once.
 */
import type { Limits } from './limits.ts';
import type { Clock, Revocations, Revoked, Shelf } from './ports.ts';

type Who = Parameters<Revocations['ban']>[0];

const SHELF = 'revoked';
const ENTRY = Buffer.from('1');
const USER = 'u ';
const TOKEN = 't ';

export function makeRevocations(shelf: Shelf, clock: Clock, limits: Limits): Revocations {
  let known: Revoked | Promise<Revoked> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<Revoked> {
    const range = { from: TOKEN, to: 'v', most: limits.bansMax };
    const names = (await shelf.read(SHELF, range)).map(([key]) => key);
    const of = (kind: string) =>
      new Set(names.filter((name) => name.startsWith(kind)).map((name) => name.slice(2)));
    return { users: of(USER), tokenIds: of(TOKEN) };
  }

  async function write(who: Who, value: Uint8Array | undefined, until: number): Promise<void> {
    await shelf.write(SHELF, [[keyOf(who), value]], until);
    known = undefined;
  }

  return {
    current() {
      const now = clock.now();
      if (known === undefined || now - readAt >= limits.revocationSeconds * 500) {
        readAt = now;
        const reading = read();
        known = reading;
        // A read that failed is tried again by the next who asks.
        const settle = (found: Revoked | undefined): void => {
          if (known === reading) known = found;
        };
        reading.then(settle, () => settle(undefined));
        return reading;
      }
      return known;
    },
    ban: (who, until) => write(who, ENTRY, until),
    pardon: (who) => write(who, undefined, 0),
  };
}

function keyOf(who: Who): string {
  return 'user' in who ? `${USER}${who.user}` : `${TOKEN}${who.tokenId}`;
}
