import type { IngressEvent, Log } from '../../broker/ports.ts';
import type { QueueEvent, QueueRecord, QueueResult } from '../../lambda/events.ts';
import { faultDice } from '../../local/faults.ts';
import { type Fifo, type FifoOptions, fifoQueue } from '../../local/fifo.ts';
import { arrivals } from './gateway.ts';

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

interface Batch {
  readonly records: readonly QueueRecord[];
  answer(failed: readonly QueueRecord[]): void;
  crash(): void;
}

/** A queue whose handler answers when the test says so. */
function queueUnderTest(options: Partial<FifoOptions> = {}) {
  const batches = arrivals<Batch>();
  const dead = arrivals<QueueRecord>();
  const queue = fifoQueue({
    handler: (event: QueueEvent) =>
      new Promise<QueueResult>((resolve, reject) =>
        batches.push({
          records: event.Records,
          answer: (failed) =>
            resolve({
              batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })),
            }),
          crash: () => reject(new Error('crashed')),
        }),
      ),
    dead: async ({ Records }) => {
      for (const record of Records) dead.push(record);
    },
    log: silent,
    now: () => Date.now(),
    ...options,
    limits: { visibilityMilliseconds: 5, ...options.limits },
  });
  return { queue, batches, dead };
}

let sent = 0;

function send(queue: Fifo, group: string, ...bodies: readonly string[]): void {
  for (const body of bodies) queue.enqueue(event(group, body));
}

function event(group: string, body: string, requestId = `request-${++sent}`): IngressEvent {
  return {
    connectionId: group,
    eventType: 'MESSAGE',
    requestId,
    messageId: `message-${sent}`,
    requestTimeEpoch: 1_700_000_000_000 + sent,
    body: Buffer.from(body),
  };
}

function bodies(records: readonly QueueRecord[]): string[] {
  return records.map(({ body }) => Buffer.from(body.slice(1), 'base64').toString());
}

function groups(records: readonly QueueRecord[]): string[] {
  return records.map(({ attributes }) => attributes.MessageGroupId ?? '');
}

/** Every task that is due has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}

test('what one tick brought is one batch, and it mixes groups', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', '1', '2');
  send(queue, 'b', '3');
  send(queue, 'a', '4');
  const batch = await batches.next();
  expect(bodies(batch.records)).toEqual(['1', '2', '4', '3']);
  expect(groups(batch.records)).toEqual(['a', 'a', 'a', 'b']);
});

test('a batch holds ten records at most', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', ...'abcdefg');
  send(queue, 'b', ...'hijklmn');
  const first = await batches.next();
  expect(bodies(first.records).join('')).toBe('abcdefghij');
  first.answer([]);
  expect(bodies((await batches.next()).records).join('')).toBe('klmn');
});

test('one batch of a group is in flight at a time, and other groups do not wait', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', '1');
  const first = await batches.next();
  send(queue, 'a', '2');
  send(queue, 'b', '3');
  const second = await batches.next();
  expect(bodies(second.records)).toEqual(['3']);
  await settled();
  expect(batches.all).toHaveLength(2);
  first.answer([]);
  expect(bodies((await batches.next()).records)).toEqual(['2']);
});

test('concurrency bounds the batches in flight', async () => {
  const { queue, batches } = queueUnderTest({ concurrency: 1 });
  for (let group = 0; group < 12; group++) send(queue, `g${group}`, 'x');
  const first = await batches.next();
  await settled();
  expect(batches.all).toHaveLength(1);
  first.answer([]);
  expect((await batches.next()).records).toHaveLength(2);
});

test('a record looks as the mapping template writes it', async () => {
  const { queue, batches } = queueUnderTest();
  queue.enqueue({ ...event('VotXXcBEPHcCEvQ=', '\0 and ü'), body: Buffer.from('\0ü') });
  queue.enqueue({ ...event('VotXXcBEPHcCEvQ=', ''), eventType: 'DISCONNECT' });
  const [message, disconnect] = (await batches.next()).records;
  expect(message).toMatchObject({
    body: `.${Buffer.from('\0ü').toString('base64')}`,
    attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'VotXXcBEPHcCEvQ=' },
    messageAttributes: {
      connectionId: { stringValue: 'VotXXcBEPHcCEvQ=' },
      eventType: { stringValue: 'MESSAGE' },
      messageId: { stringValue: `message-${sent - 1}` },
      requestTimeEpoch: { stringValue: String(1_700_000_000_000 + sent - 1) },
    },
  });
  expect(disconnect?.body).toBe('.');
  const numbers = [message, disconnect].map((each) => each?.attributes.SequenceNumber ?? '');
  expect(numbers.every((number) => /^\d{20}$/.test(number))).toBe(true);
  expect(numbers[0]).not.toBe(numbers[1]);
  expect([...numbers].sort()).toEqual(numbers);
});

test('the body is copied: the sender may use its buffer again', async () => {
  const { queue, batches } = queueUnderTest();
  const buffer = Buffer.from('before');
  queue.enqueue({ ...event('a', ''), body: buffer });
  buffer.fill('x');
  expect(bodies((await batches.next()).records)).toEqual(['before']);
});

test('failed records come back in order before what is behind them, the rest is deleted', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', '1', '2', '3');
  send(queue, 'b', '4');
  const first = await batches.next();
  send(queue, 'a', '5');
  first.answer(first.records.slice(1, 3));
  const second = await batches.next();
  expect(bodies(second.records)).toEqual(['2', '3', '5']);
  expect(second.records.map(({ attributes }) => attributes.ApproximateReceiveCount)).toEqual([
    '2',
    '2',
    '1',
  ]);
  second.answer([]);
  await queue.drained();
  expect(queue.size()).toBe(0);
});

test('a failed group is blocked until its records are visible again', async () => {
  const { queue, batches } = queueUnderTest({ limits: { visibilityMilliseconds: 60_000 } });
  send(queue, 'a', '1');
  const first = await batches.next();
  first.answer(first.records);
  await settled();
  send(queue, 'a', '2');
  send(queue, 'b', '3');
  expect(bodies((await batches.next()).records)).toEqual(['3']);
  queue.stop();
});

test('a crash brings the whole batch back', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', '1', '2');
  (await batches.next()).crash();
  expect(bodies((await batches.next()).records)).toEqual(['1', '2']);
});

test('a handler that never answers is a crash', async () => {
  const { queue, batches } = queueUnderTest({
    limits: { functionMilliseconds: 10, sweepMilliseconds: 5 },
  });
  send(queue, 'a', '1');
  await batches.next();
  expect(bodies((await batches.next()).records)).toEqual(['1']);
});

test('after five receives a record is a dead letter, and its group goes on', async () => {
  const { queue, batches, dead } = queueUnderTest();
  send(queue, 'a', 'poison');
  for (let receive = 1; receive <= 5; receive++) (await batches.next()).crash();
  send(queue, 'a', 'next');
  expect(bodies([await dead.next()])).toEqual(['poison']);
  expect(bodies((await batches.next()).records)).toEqual(['next']);
});

test('an id seen within five minutes is dropped, in its own group only', async () => {
  const time = { now: 0 };
  const { queue, batches } = queueUnderTest({ now: () => time.now });
  queue.enqueue(event('a', 'first', 'same'));
  queue.enqueue(event('a', 'repeat', 'same'));
  queue.enqueue(event('b', 'other group', 'same'));
  const batch = await batches.next();
  expect(bodies(batch.records)).toEqual(['first', 'other group']);
  batch.answer([]);
  await queue.drained();
  time.now += 5 * 60_000 - 1;
  queue.enqueue(event('a', 'still a repeat', 'same'));
  expect(queue.size()).toBe(0);
  time.now += 1;
  queue.enqueue(event('a', 'new', 'same'));
  expect(bodies((await batches.next()).records)).toEqual(['new']);
});

test('of an event whose id nobody else has none is looked for', async () => {
  const { queue, batches } = queueUnderTest();
  queue.enqueueNew(event('a', 'one', 'same'));
  queue.enqueueNew(event('a', 'two', 'same'));
  expect(bodies((await batches.next()).records)).toEqual(['one', 'two']);
});

describe('where the handler is of this process', () => {
  test('what one tick brought of a connection is not divided to fill a batch', async () => {
    const { queue, batches } = queueUnderTest({ inProcess: true });
    send(queue, 'a', ...'abcdefg');
    send(queue, 'b', ...'hijk');
    send(queue, 'c', ...'lmn');
    send(queue, 'd', ...'opq');
    const first = await batches.next();
    const second = await batches.next();
    expect(groups(first.records).join('')).toBe('aaaaaaa');
    expect(groups(second.records).join('')).toBe('bbbbcccddd');
  });

  test('a batch holds ten records at most there too', async () => {
    const { queue, batches } = queueUnderTest({ inProcess: true });
    send(queue, 'a', ...'abcdefghijkl');
    const first = await batches.next();
    expect(first.records).toHaveLength(10);
    first.answer([]);
    expect((await batches.next()).records).toHaveLength(2);
  });

  test('a record is handed over as read, and says when it is given again', async () => {
    const { queue, batches, dead } = queueUnderTest({
      inProcess: true,
      limits: { receivesMax: 2 },
    });
    const body = Buffer.from('\0ü');
    queue.enqueue({ ...event('a', ''), body });
    const read = {
      connectionId: 'a',
      event: 'message',
      payload: body,
      epoch: 1_700_000_000_000 + sent,
      messageId: `message-${sent}`,
    };
    const first = await batches.next();
    expect(first.records[0]?.inbound).toMatchObject({ ...read, repeated: false });
    first.crash();
    const second = await batches.next();
    expect(second.records[0]?.inbound).toMatchObject({ ...read, repeated: true });
    expect(second.records[0]?.inbound?.sequence).toBe(first.records[0]?.inbound?.sequence);
    expect(second.records[0]?.attributes.ApproximateReceiveCount).toBe('2');
    second.crash();
    // Whoever keeps dead letters keeps them as they are written.
    expect(await dead.next()).toMatchObject({ body: `.${body.toString('base64')}` });
  });

  test('the next of a connection has the greater sequence', async () => {
    const { queue, batches } = queueUnderTest({ inProcess: true });
    send(queue, 'a', ...'abcdefghij');
    const { records } = await batches.next();
    const sequences = records.map(({ inbound }) => inbound?.sequence ?? '');
    expect([...sequences].sort()).toEqual(sequences);
    expect(new Set(sequences).size).toBe(10);
  });
});

test('no more ids are remembered than the bound', async () => {
  const { queue } = queueUnderTest({ limits: { deduplicationMax: 2 }, now: () => 0 });
  for (const id of ['one', 'two', 'three', 'one']) queue.enqueue(event('a', id, id));
  expect(queue.size()).toBe(4);
  queue.enqueue(event('a', 'again', 'three'));
  expect(queue.size()).toBe(4);
});

test('rule 8: the order of sends is kept, unless swapping within 1 ms is asked for', async () => {
  const order = async (swapSeed?: number): Promise<string> => {
    const { queue, batches } = queueUnderTest({
      now: () => 0,
      ...(swapSeed === undefined ? {} : { swapSeed }),
    });
    send(queue, 'a', ...'abcdefgh');
    const { records } = await batches.next();
    const numbers = records.map(({ attributes }) => attributes.SequenceNumber ?? '');
    expect([...numbers].sort()).toEqual(numbers);
    return bodies(records).join('');
  };
  expect(await order()).toBe('abcdefgh');
  const swapped = await order(1);
  expect(swapped).not.toBe('abcdefgh');
  expect([...swapped].sort().join('')).toBe('abcdefgh');
  expect(await order(1)).toBe(swapped);
});

test('records more than 1 ms apart never swap', async () => {
  const time = { now: 0 };
  const { queue, batches } = queueUnderTest({ now: () => time.now, swapSeed: 1 });
  for (const body of 'abcdefgh') {
    send(queue, 'a', body);
    time.now += 2;
  }
  expect(bodies((await batches.next()).records).join('')).toBe('abcdefgh');
});

test('rule 11: a lost invocation is retried, a double one counts as a second receive', async () => {
  const counts: string[] = [];
  const lost = queueUnderTest({
    dice: faultDice({ seed: 1, invocationLost: 0.3 }),
    handler: async ({ Records }) => {
      counts.push(...Records.map(({ attributes }) => attributes.ApproximateReceiveCount));
      return { batchItemFailures: [] };
    },
  });
  for (let group = 0; group < 200; group++) send(lost.queue, `g${group}`, 'x');
  await lost.queue.drained();
  expect(counts.length + lost.dead.all.length).toBe(200);
  expect(counts).toContain('1');
  expect(counts).toContain('2');

  const twice = queueUnderTest({ dice: faultDice({ seed: 1, invocationTwice: 1 }) });
  send(twice.queue, 'a', 'x');
  (await twice.batches.next()).answer([]);
  const again = await twice.batches.next();
  expect(again.records[0]?.attributes.ApproximateReceiveCount).toBe('2');
  again.answer([]);
  await twice.queue.drained();
  expect(twice.batches.all).toHaveLength(2);
});

test('a stopped queue hands out nothing', async () => {
  const { queue, batches } = queueUnderTest();
  send(queue, 'a', '1');
  queue.stop();
  await settled();
  expect(batches.all).toEqual([]);
});
