import { createQueue, type QueueOptions, type SendRequest } from './queue.ts';

function setUp(more: Partial<QueueOptions> = {}) {
  let time = 1_000_000;
  const dead: [string, SendRequest][] = [];
  const queue = createQueue(
    {
      name: 'q.fifo',
      arn: 'arn:q',
      fifo: true,
      contentBasedDeduplication: false,
      visibilitySeconds: 60,
      retentionSeconds: 3600,
      redrive: { to: 'arn:dead', receivesMax: 2 },
      ...more,
    },
    (to, request) => dead.push([to, request]),
    () => time,
  );
  let sent = 0;
  const send = (groupId: string, body: string) => {
    sent += 1;
    return queue.send({ body, groupId, deduplicationId: `${sent}`, attributes: {} });
  };
  const bodies = (count = 10) => queue.receive(count).map(({ body }) => body);
  return { queue, send, bodies, dead, pass: (seconds: number) => (time += seconds * 1000) };
}

test('a batch mixes groups, each in order', () => {
  const { send, bodies } = setUp();
  for (const body of ['a1', 'b1', 'a2']) send(body.charAt(0), body);
  expect(bodies()).toEqual(['a1', 'b1', 'a2']);
});

test('a group with a message in flight waits; others do not', () => {
  const { send, bodies, pass } = setUp();
  send('a', 'a1');
  expect(bodies()).toEqual(['a1']);
  send('a', 'a2');
  send('b', 'b1');
  expect(bodies()).toEqual(['b1']);
  pass(61);
  expect(bodies(1)).toEqual(['a1']);
});

test.each([
  [true, ['a1', 'b1']],
  [false, ['a1']],
])('a name counts in its group alone: %s', (deduplicatesByGroup, heard) => {
  const { queue, bodies } = setUp({ deduplicatesByGroup });
  for (const groupId of ['a', 'b'])
    queue.send({ body: `${groupId}1`, groupId, deduplicationId: 'same', attributes: {} });
  expect(bodies()).toEqual(heard);
});

test('a message received too often is redriven', () => {
  const { send, bodies, pass, dead } = setUp();
  send('a', 'poison');
  for (const received of [['poison'], ['poison'], []]) {
    expect(bodies()).toEqual(received);
    pass(61);
  }
  expect(dead).toMatchObject([['arn:dead', { body: 'poison', groupId: 'a' }]]);
});

test('an id seen within five minutes is dropped, later it is not', () => {
  const { queue, pass } = setUp();
  const same = { body: 'x', groupId: 'g', deduplicationId: 'd', attributes: {} };
  const first = queue.send(same);
  expect(queue.send(same)).toEqual(expect.objectContaining(first));
  expect(queue.size).toBe(1);
  pass(301);
  queue.send(same);
  expect(queue.size).toBe(2);
});

test('sequence numbers have 20 digits and rise', () => {
  const { queue, send } = setUp();
  send('a', '1');
  send('a', '2');
  const [one, two] = queue.receive(2).map(({ attributes }) => attributes['SequenceNumber']);
  expect(one).toMatch(/^\d{20}$/);
  expect(String(two) > String(one)).toBe(true);
});

test('a deleted message never comes back', () => {
  const { queue, send, pass } = setUp();
  send('a', '1');
  const [message] = queue.receive(1);
  expect(queue.delete(message?.receiptHandle ?? '')).toBe(true);
  pass(100);
  expect(queue.receive(1)).toEqual([]);
});

const fine = { body: 'x', groupId: 'g', deduplicationId: 'd', attributes: {} };
test.each([
  ['an empty body', { ...fine, body: '' }],
  ['U+0000', { ...fine, body: 'a\0' }],
  ['a lone surrogate', { ...fine, body: '\ud800' }],
  ['no group', { ...fine, groupId: undefined }],
  ['no de-duplication id', { ...fine, deduplicationId: undefined }],
  ['an empty attribute', { ...fine, attributes: { a: { dataType: 'String', stringValue: '' } } }],
  ['a body over 1 MiB', { ...fine, body: 'x'.repeat(1024 * 1024 + 1) }],
])('%s is refused in words', (_, request) => {
  expect(typeof setUp().queue.send(request)).toBe('string');
});
