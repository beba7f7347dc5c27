import { VARIABLES } from '../../infra/environment.ts';
import { readEnvironment } from '../../lambda/environment.ts';
import { object, resources, synthesize } from './synthesized.ts';

/** Variables of every function: handler → names. */
function variables(ingress: 'fifo' | 'direct'): Readonly<Record<string, readonly string[]>> {
  const { template } = synthesize({ ingress });
  return Object.fromEntries(
    resources(template, 'AWS::Lambda::Function').map(({ properties }) => [
      String(properties['Handler']),
      Object.keys(object(object(properties['Environment'])['Variables'])),
    ]),
  );
}

/** Every name that is asked for while an environment is read. */
function asked(): readonly string[] {
  const names = new Set<string>();
  const values: Readonly<Record<string, string>> = {};
  const spy = new Proxy(values, {
    get(_, name) {
      names.add(String(name));
      if (name === 'POSTING') return 'sdk';
      if (name === VARIABLES.socketio) return '{}';
      const counts = name === VARIABLES.rate || name === VARIABLES.inline;
      return counts ? '9000' : 'https://localhost';
    },
  });
  readEnvironment(spy);
  return [...names];
}

test('the handlers read the variables that the template sets, name by name', () => {
  expect([...asked()].sort()).toEqual(Object.values(VARIABLES).sort());
});

test('only the functions that post are told to do so by the SDK, and only if asked', () => {
  const { template } = synthesize({ posting: 'sdk' });
  const told = resources(template, 'AWS::Lambda::Function').filter(
    ({ properties }) => 'POSTING' in object(object(properties['Environment'])['Variables']),
  );
  expect(told.map(({ properties }) => properties['Handler']).sort()).toEqual([
    'index.dead',
    'index.deliver',
    'index.disconnect',
    'index.message',
    'index.work',
  ]);
});

test('a way to post that there is not is a fault in words', () => {
  const variables = { TABLE_NAME: 't', MANAGEMENT_ENDPOINT: 'https://localhost/ws' };
  expect(readEnvironment(variables).posting).toBe('fast');
  expect(readEnvironment({ ...variables, POSTING: 'sdk' }).posting).toBe('sdk');
  expect(() => readEnvironment({ ...variables, POSTING: 'quick' })).toThrow('POSTING');
});

test('bounds of the operator are read, and refused in words if they are none', () => {
  const variables = { TABLE_NAME: 't', MANAGEMENT_ENDPOINT: 'https://localhost/ws' };
  expect(readEnvironment(variables).limits).toEqual({});
  const bounds = { POSTS_PER_SECOND: '5000', INLINE_POSTS: '8' };
  expect(readEnvironment({ ...variables, ...bounds }).limits).toEqual({
    postsPerSecond: 5000,
    inlinePostsMax: 8,
  });
  for (const name of Object.keys(bounds)) {
    expect(() => readEnvironment({ ...variables, [name]: 'many' })).toThrow(name);
  }
});

test('only the functions that queue something are told of the queue', () => {
  const everyone = ['TABLE_NAME', 'MANAGEMENT_ENDPOINT'];
  expect(variables('fifo')).toEqual({
    'index.connect': everyone,
    'index.disconnect': [...everyone, 'QUEUE_URL'],
    'index.message': [...everyone, 'JOBS_URL'],
    'index.dead': everyone,
    'index.deliver': [...everyone, 'TASKS_URL', 'JOBS_URL'],
    'index.work': [...everyone, 'TASKS_URL', 'JOBS_URL'],
  });
  expect(variables('direct')).toEqual({
    'index.connect': everyone,
    'index.disconnect': everyone,
    'index.message': [...everyone, 'JOBS_URL'],
    'index.deliver': [...everyone, 'TASKS_URL', 'JOBS_URL'],
    'index.work': [...everyone, 'TASKS_URL', 'JOBS_URL'],
  });
});
