/** A template that forgot something: one clear line in the log at every start, and no success. */
import { connect, dead, deliver, disconnect, message, work } from '../../lambda/main.ts';
import {
  clearSky,
  connectEvent,
  disconnectEvent,
  ENVIRONMENT,
  errors,
  gateway,
  ingressRecord,
  table,
} from './cloud.ts';

const before = { ...process.env };
beforeEach(() => {
  process.env = { ...before, ...ENVIRONMENT };
  clearSky();
});
afterAll(() => {
  process.env = before;
});

const invocations: Readonly<Record<string, () => Promise<unknown>>> = {
  connect: () => connect(connectEvent('c1')),
  disconnect: () => disconnect(disconnectEvent('c1')),
  message: () => message({ Records: [ingressRecord('c1', 'SEND\n\n\0')] }),
  dead: () => dead({ Records: [ingressRecord('c1', 'SEND\n\n\0')] }),
  deliver: () => deliver({ Records: [] }),
  work: () => work({ source: 'aws.events' }),
};

test('deliver needs the queue of tasks', async () => {
  process.env['TASKS_URL'] = '';
  await expect(deliver({ Records: [] })).rejects.toThrow('TASKS_URL is missing');
  expect(errors()).toEqual([expect.stringContaining('environment: TASKS_URL is missing')]);
});

describe.each(Object.entries(invocations))('%s', (_, invoke) => {
  test.each([
    ['TABLE_NAME', '', 'TABLE_NAME is missing: the name of the DynamoDB table'],
    ['MANAGEMENT_ENDPOINT', '', 'MANAGEMENT_ENDPOINT must be the https URL'],
    ['MANAGEMENT_ENDPOINT', 'wss://abc/ws', 'not "wss://abc/ws"'],
    ['QUEUE_URL', 'ingress.fifo', 'QUEUE_URL must be a URL, not "ingress.fifo"'],
    ['TASKS_URL', 'tasks', 'TASKS_URL must be a URL, not "tasks"'],
  ])(
    'with %s=%j fails, says so in one line, and asks nobody for anything',
    async (variable, value, words) => {
      process.env[variable] = value;
      await expect(invoke()).rejects.toThrow(words);
      await expect(invoke()).rejects.toThrow(words);
      expect(errors()).toEqual([
        expect.stringContaining('environment: the environment is incomplete: '),
        expect.stringContaining(words),
      ]);
      expect([...table.calls(), ...gateway.calls()]).toEqual([]);
    },
  );

  test('names every fault at once', async () => {
    Object.assign(process.env, { TABLE_NAME: '', MANAGEMENT_ENDPOINT: 'x' });
    await expect(invoke()).rejects.toThrow(/TABLE_NAME.*MANAGEMENT_ENDPOINT/);
  });

  test('works once the environment is mended', async () => {
    await invoke();
    expect(errors().filter((each) => each.startsWith('environment'))).toEqual([]);
  });
});
