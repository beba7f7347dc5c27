/** The store contract: connections and their ends. */
import type { Ended } from '../../broker/model.ts';
import { at, type MakeStore, onStage } from './store-world.ts';

export function storeConnections(makeStore: MakeStore): void {
  opening(makeStore);
  updating(makeStore);
  ending(makeStore);
}

function opening(makeStore: MakeStore): void {
  test(
    'an opened connection is found as it was written, with no half frame',
    onStage(makeStore, async ({ store, fresh }) => {
      await store.open(fresh('a'));
      const found = await store.find('a');
      expect(found?.connection).toEqual(fresh('a'));
      expect(found?.half).toBeUndefined();
      expect(found?.connection.ended).toBeUndefined();
    }),
  );

  test(
    'a connection that has not connected is found without dialect, version and session',
    onStage(makeStore, async ({ store, fresh }) => {
      const { dialect: _d, version: _v, session: _s, ...bare } = fresh('a');
      await store.open(bare);
      expect((await store.find('a'))?.connection).toEqual(bare);
    }),
  );

  test(
    'opening again leaves the first as it is, changed or ended',
    onStage(makeStore, async ({ store, opened, fresh }) => {
      await opened('a');
      await store.open({ ...fresh('a'), carrier: 'other', connectedAt: 1 });
      expect((await store.find('a'))?.connection).toEqual(fresh('a'));
      await store.update('a', { session: 'mine' }, at(1));
      await store.open(fresh('a'));
      expect((await store.find('a'))?.connection.session).toBe('mine');
      await store.end('a', 'left');
      await store.open(fresh('a'));
      expect((await store.find('a'))?.connection.ended).toBe('left');
    }),
  );

  test(
    'an unknown connection is not found',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      expect(await store.find('b')).toBeUndefined();
      expect(await store.find('')).toBeUndefined();
    }),
  );

  test(
    'an expired connection is not found, deleted or not',
    onStage(makeStore, async ({ store, opened, pass, limits }) => {
      await opened('a');
      pass(limits.connectionSecondsMax * 1000 - 1000);
      expect(await store.find('a')).toBeDefined();
      pass(2000);
      expect(await store.find('a')).toBeUndefined();
      expect(await store.update('a', { session: 'late' }, at(1))).toBe('ended');
      expect(await store.find('a')).toBeUndefined();
    }),
  );
}

function updating(makeStore: MakeStore): void {
  test(
    'a principal is found as it was written, and a new one reaches the audiences it is in',
    onStage(makeStore, async ({ store, opened, subscribe, entries }) => {
      const grants = [{ pattern: '/topic/**', actions: ['subscribe', 'publish'] as const }];
      const ann = { user: 'ann', tokenId: 't1', expiresAt: 9, grants, policy: 'p' };
      const first = await opened('a');
      expect(await store.update('a', { principal: ann }, at(1))).toBe('done');
      const found = (await store.find('a'))?.connection;
      expect(found).toEqual({ ...first, principal: ann, stamp: at(1) });
      if (found === undefined) throw new Error('not found');
      await subscribe(found, { id: '1', to: '/topic/a', at: at(2) });
      await subscribe(found, { id: '2', to: '/topic/*', at: at(3) });
      const copied = { user: 'ann', tokenId: 't1', tokenExpiresAt: 9, policy: 'p' };
      for (const entry of await entries('/topic/a')) expect(entry).toMatchObject(copied);
      const again = { user: 'ann', expiresAt: 12, grants: [], policy: 'q' };
      expect(await store.update('a', { principal: again }, at(4))).toBe('done');
      expect(await store.update('a', { principal: again }, at(4))).toBe('done');
      const after = await entries('/topic/a');
      expect(after).toHaveLength(2);
      for (const entry of after) {
        expect(entry).toMatchObject({ user: 'ann', tokenExpiresAt: 12, policy: 'q' });
        expect(entry.tokenId).toBeUndefined();
      }
      await store.unsubscribe('a', '1', at(5));
      await store.end('a', 'left');
      expect(await entries('/topic/a')).toEqual([]);
    }),
  );

  test(
    'an update changes what it names and keeps the rest',
    onStage(makeStore, async ({ store, opened }) => {
      const first = await opened('a');
      expect(await store.update('a', { version: '1.1', session: 's' }, at(1))).toBe('done');
      expect((await store.find('a'))?.connection).toEqual({
        ...first,
        version: '1.1',
        session: 's',
        stamp: at(1),
      });
    }),
  );

  test(
    'an older update is stale and changes nothing; a repeat is done and changes nothing',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      await store.update('a', { session: 'new' }, at(5));
      expect(await store.update('a', { session: 'old' }, at(4))).toBe('stale');
      expect(await store.update('a', { session: 'repeat' }, at(5))).toBe('done');
      const { connection } = (await store.find('a')) ?? {};
      expect(connection?.session).toBe('new');
      expect(connection?.stamp).toBe(at(5));
      expect(await store.update('a', { session: 'newer' }, at(6))).toBe('done');
      expect((await store.find('a'))?.connection.session).toBe('newer');
    }),
  );

  test(
    'updates side by side: the newest stands, whatever their order of arrival',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      const stamps = [3, 9, 1, 7, 5];
      const answers = await Promise.all(
        stamps.map((n) => store.update('a', { session: `s${n}` }, at(n))),
      );
      expect(answers[1]).toBe('done');
      expect(new Set(answers)).not.toContain('ended');
      expect((await store.find('a'))?.connection).toMatchObject({ session: 's9', stamp: at(9) });
    }),
  );

  test(
    'neither a closed nor an unknown connection can be updated',
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      await store.end('a', 'lost');
      expect(await store.update('a', { session: 'x' }, at(1))).toBe('ended');
      expect((await store.find('a'))?.connection.session).toBe('session-of-a');
      expect(await store.update('b', { session: 'x' }, at(1))).toBe('ended');
      expect(await store.find('b')).toBeUndefined();
    }),
  );
}

function ending(makeStore: MakeStore): void {
  test(
    'a closed connection is found as its tombstone, with its identity, for its time',
    onStage(makeStore, async ({ store, opened, pass, limits }) => {
      const first = await opened('a');
      pass(60_000);
      await store.end('a', 'left');
      const { id, carrier, dialect, version, session, connectedAt } = first;
      const tombstone = { id, carrier, dialect, version, session, connectedAt, ended: 'left' };
      expect((await store.find('a'))?.connection).toMatchObject(tombstone);
      pass(limits.tombstoneSeconds * 1000 - 1000);
      expect((await store.find('a'))?.connection).toMatchObject(tombstone);
      pass(2000);
      expect(await store.find('a')).toBeUndefined();
    }),
  );

  test(
    'a tombstone stands its whole time though the connection would have expired within it',
    onStage(makeStore, async ({ store, opened, pass, limits }) => {
      await opened('a');
      pass(limits.connectionSecondsMax * 1000 - 1000);
      await store.end('a', 'lost');
      pass(limits.tombstoneSeconds * 1000 - 1000);
      expect((await store.find('a'))?.connection.ended).toBe('lost');
      pass(2000);
      expect(await store.find('a')).toBeUndefined();
    }),
  );

  test.each<[first: Ended, second: Ended, stands: Ended]>([
    ['left', 'left', 'left'],
    ['left', 'refused', 'left'],
    ['left', 'lost', 'left'],
    ['refused', 'left', 'refused'],
    ['refused', 'lost', 'refused'],
    ['lost', 'lost', 'lost'],
    ['lost', 'left', 'left'],
    ['lost', 'refused', 'refused'],
  ])('a connection that %s and then %s has %s', (first, second, stands) =>
    onStage(makeStore, async ({ store, opened }) => {
      await opened('a');
      await store.end('a', first);
      await store.end('a', second);
      expect((await store.find('a'))?.connection.ended).toBe(stands);
    })(),
  );

  test(
    'ending an unknown connection has no effect',
    onStage(makeStore, async ({ store, opened, fresh }) => {
      await store.end('a', 'left');
      expect(await store.find('a')).toBeUndefined();
      await opened('a');
      expect((await store.find('a'))?.connection).toEqual(fresh('a'));
    }),
  );

  test(
    'ending removes every subscription, patterns too, and those of others stay',
    onStage(makeStore, async ({ store, opened, subscribe, audience }) => {
      const [a, b] = [await opened('a'), await opened('b')];
      await subscribe(a, { id: '1', to: '/topic/x.y', at: at(1) });
      await subscribe(a, { id: '2', to: '/topic/x.*', at: at(2) });
      await subscribe(a, { id: '3', to: '/topic/**', at: at(3) });
      await subscribe(a, { id: '4', to: '/room/x', at: at(4) });
      await subscribe(b, { id: '1', to: '/topic/x.y', at: at(1) });
      await subscribe(b, { id: '2', to: '/topic/x.*', at: at(2) });
      expect(await audience('/topic/x.y')).toEqual(['a|1', 'a|2', 'a|3', 'b|1', 'b|2']);
      await store.end('a', 'lost');
      expect(await audience('/topic/x.y')).toEqual(['b|1', 'b|2']);
      expect(await audience('/room/x')).toEqual([]);
      expect(await store.subscriptions('a')).toEqual([]);
      expect(await store.subscriptions('b')).toHaveLength(2);
      await store.end('a', 'lost');
      expect(await audience('/topic/x.y')).toEqual(['b|1', 'b|2']);
    }),
  );
}
