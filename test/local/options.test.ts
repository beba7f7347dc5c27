import { hostFault, readOptions } from '../../local/options.ts';

const defaults = {
  port: 8080,
  host: '127.0.0.1',
  data: '.stompway',
  memory: false,
  ingress: 'fifo',
  config: undefined,
  environments: 0,
  durable: false,
};

test('without flags and variables everything has a default', () => {
  expect(readOptions([], {})).toEqual(defaults);
});

test('variables set port and host, and a flag beats its variable', () => {
  const variables = { PORT: '9000', HOST: '::1' };
  expect(readOptions([], variables)).toEqual({ ...defaults, port: 9000, host: '::1' });
  expect(readOptions(['--port', '0', '--host=localhost'], variables)).toEqual({
    ...defaults,
    port: 0,
    host: 'localhost',
  });
  expect(readOptions([], { PORT: '', HOST: '' })).toEqual(defaults);
});

test('every flag is read', () => {
  const args = ['--data', 'd', '--ingress', 'direct', '--config', 'c.json', '--environments', '2'];
  expect(readOptions([...args, '--durable'], {})).toEqual({
    ...defaults,
    data: 'd',
    ingress: 'direct',
    config: 'c.json',
    environments: 2,
    durable: true,
  });
  expect(readOptions(['--memory'], {})).toEqual({ ...defaults, memory: true });
});

test.each([
  [['--prot', '1'], /Unknown option '--prot'[\s\S]*--port N/],
  [['8080'], /Unexpected argument '8080'/],
  [['--port'], /argument missing/],
  [['--port', '65536'], /port must be a number/],
  [['--port', '-1'], /port/],
  [['--port', 'http'], /port must be a number/],
  [['--ingress', 'sqs'], /fifo or direct/],
  [['--environments', '65'], /from 0 to 64/],
  [['--environments', '1.5'], /from 0 to 64/],
  [['--memory', '--data', 'x'], /exclude/],
  [['--memory', '--durable'], /--durable cannot hold/],
])('%j is refused in words', (args, words) => {
  expect(readOptions(args, {})).toMatch(words);
});

test.each(['0.0.0.0', '127.example.com', '192.168.0.1'])(
  'on %s nobody listens without identity',
  (host) => {
    expect(hostFault(host, false)).toMatch(/^Cannot listen on .*: without identities/);
    expect(hostFault(host, true)).toBeUndefined();
    expect(hostFault('127.0.0.1', false)).toBeUndefined();
  },
);
