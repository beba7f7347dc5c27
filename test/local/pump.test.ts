/** The stream of the logs in this process, when things go wrong. */
import type { LogRecord } from '../../broker/model.ts';
import type { Log, LogStream } from '../../broker/ports.ts';
import { startPump } from '../../local/pump.ts';

const record = (revision: number): LogRecord => ({
  destination: '/room/x',
  epoch: 'e',
  seq: 0,
  revision,
  entries: [],
});

/** Three records, of a stream whose calls fail as often as `faults` says. */
function stream(faults: Partial<Record<'read' | 'commit', number>>): LogStream {
  const left = { read: 0, commit: 0, ...faults };
  const fail = (call: 'read' | 'commit') => {
    if (left[call]-- > 0) throw new Error('the disk is full');
  };
  let committed = 0;
  return {
    read: async (from, most) => {
      fail('read');
      const rest = [1, 2, 3].filter((cursor) => cursor > from).slice(0, most);
      return rest.map((cursor) => ({ cursor, record: record(cursor) }));
    },
    committed: async () => committed,
    commit: async (upTo) => {
      fail('commit');
      committed = upTo;
    },
    onAppend: () => () => undefined,
  };
}

test.each([
  ['read', [1, 2, 3], 2],
  ['commit', [1, 1, 1, 2, 3], 2],
] as const)(
  'a stream that fails to %s is asked again, and nothing is passed over',
  async (call, told, faults) => {
    const got: number[] = [];
    const logged: string[] = [];
    const log: Log = {
      info: () => undefined,
      warn: () => undefined,
      error: (event) => void logged.push(event),
    };
    const pump = startPump({
      stream: stream({ [call]: faults }),
      deliver: async (records) => void got.push(...records.map(({ revision }) => revision)),
      log,
      batchMax: 1,
      retryMilliseconds: 1,
    });
    await pump.drained();
    await pump.stop();
    expect(got).toEqual(told);
    expect(logged).toEqual(['deliver-failed', 'deliver-failed']);
  },
);

test('a batch that could not be delivered is given again before the next', async () => {
  const got: number[] = [];
  let faults = 2;
  const pump = startPump({
    stream: stream({}),
    deliver: async (records) => {
      if (records[0]?.revision === 2 && faults-- > 0) throw new Error('throttled');
      got.push(...records.map(({ revision }) => revision));
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    batchMax: 1,
    retryMilliseconds: 1,
  });
  await pump.drained();
  await pump.stop();
  expect(got).toEqual([1, 2, 3]);
});
