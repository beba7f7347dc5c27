/** Environments that are not to be had: whoever waits for them is told. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvironments } from '../../local/environments.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const birth = {
  path: '/nowhere',
  durable: false,
  queued: false,
  limits: {},
  rules: [],
  security: {},
};

/** `source` is what an environment runs. */
function start(source: string, count = 2) {
  return startEnvironments({
    count,
    birth,
    management: { post: () => 410, delete: () => undefined, get: () => undefined },
    ingress: { send: async () => undefined },
    log: silent,
    entry: `data:text/javascript,${encodeURIComponent(source)}`,
  });
}

test('one that exits at its birth is told, and the others are ended', async () => {
  await expect(start('process.exit(3)')).rejects.toThrow(
    'An environment ended at its birth, with status 3',
  );
});

test('one that throws at its birth is told in its own words', async () => {
  await expect(start("throw new Error('no store')")).rejects.toThrow('no store');
});

test('one that ends without a word is told', async () => {
  await expect(start('export {}')).rejects.toThrow('with status 0');
});

test('once the last has died for good, whoever calls is told', async () => {
  const mark = join(mkdtempSync(join(tmpdir(), 'stompway-')), 'died');
  // Dies at its first event; the one that follows it dies at its birth.
  const source = `import { parentPort } from 'node:worker_threads';
    import { existsSync, writeFileSync } from 'node:fs';
    if (existsSync('${mark}')) process.exit(1);
    parentPort.on('message', () => { writeFileSync('${mark}', ''); process.exit(2); });
    parentPort.postMessage({ type: 'ready' });`;
  const { handlers } = await start(source, 1);
  const call = () => handlers.dead({ Records: [] });
  await expect(call()).rejects.toThrow('The environment died');
  await expect(call()).rejects.toThrow('There is no environment left');
  await expect(call()).rejects.toThrow('There is no environment left');
});
