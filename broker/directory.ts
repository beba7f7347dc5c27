/**
 * Where somebody's connections are found without a scan: shelves by user, by token and of all, and
 * one of the moments at which a connection must be looked at. Kept while identity is configured.
 * Each entry dies with its connection at the latest; what is found here may be over, so whoever
 * reads it looks at the connection itself.
 *
 * Cost of a connection: 2 to 4 small writes when it is recognised, as many when it ends.
 */
import type { Limits } from './limits.ts';
import type { Connection } from './model.ts';
import type { Directory, Shelf } from './ports.ts';

const ALL = 'connections';
const DEADLINES = 'deadlines';
const ENTRY = Buffer.from('1');
/** After every key: ids are ASCII. */
const LAST = '\u{7f}';
/** What is due and has not been looked at by then is dropped. */
const STALE_SECONDS = 24 * 3600;

export function makeDirectory(shelf: Shelf, limits: Limits): Directory {
  return {
    async enter(connection) {
      const { id, expiresAt } = connection;
      for (const name of shelvesOf(connection)) {
        await shelf.write(name, [[id, ENTRY]], expiresAt);
      }
      const due = deadlineOf(connection, limits);
      if (due === undefined) return;
      const key = `${String(due).padStart(13, '0')} ${id}`;
      await shelf.write(DEADLINES, [[key, ENTRY]], due + STALE_SECONDS * 1000);
    },
    async leave(connection) {
      for (const name of shelvesOf(connection)) {
        await shelf.write(name, [[connection.id, undefined]], connection.expiresAt);
      }
    },
    async connections(of, after, most) {
      const from = after === undefined ? ' ' : `${after} `;
      const cells = await shelf.read(shelfName(of), { from, to: LAST, most });
      return cells.map(([id]) => id);
    },
    async due(now, most) {
      const to = `${String(now + 1).padStart(13, '0')} `;
      const cells = await shelf.read(DEADLINES, { from: '0', to, most });
      return cells.map(([key]) => ({ key, connectionId: key.slice(14) }));
    },
    async settle(key) {
      await shelf.write(DEADLINES, [[key, undefined]], 0);
    },
  };
}

function shelvesOf({ principal }: Connection): readonly string[] {
  if (principal === undefined) return [];
  const { user, tokenId } = principal;
  return [
    ALL,
    ...(user === undefined ? [] : [shelfName({ user })]),
    ...(tokenId === undefined ? [] : [shelfName({ tokenId })]),
  ];
}

function shelfName(of: Parameters<Directory['connections']>[0]): string {
  if (of === 'all') return ALL;
  return 'user' in of ? `user ${of.user}` : `token ${of.tokenId}`;
}

/** Its token's end; without one, the end of the time it has to show one. */
function deadlineOf({ principal, connectedAt }: Connection, limits: Limits): number | undefined {
  if (principal !== undefined) return principal.expiresAt;
  return connectedAt + limits.connectSecondsMax * 1000;
}
