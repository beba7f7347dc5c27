/** One broker a data folder, whatever became of the one before. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '../../broker/ports.ts';
import { type Broker, startBroker } from '../../local/broker.ts';
import { occupy } from '../../local/folder.ts';
import { client } from './gateway.ts';

const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'stompway-folder-'));
const open: Broker[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((broker) => broker.close()));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function start(data: string, port = 0): Promise<Broker> {
  const broker = await startBroker({ port, data, log: silent });
  open.push(broker);
  return broker;
}

test('a second broker on a folder is refused, and the clients of the first notice nothing', async () => {
  const data = join(folder, 'shared');
  const { port } = await start(data);
  const { ws, texts } = await client(`ws://127.0.0.1:${port}/ws`);
  ws.send('{"subscribe":"/topic/a"}');
  await texts.next();
  await expect(start(data, port)).rejects.toThrow(/^Another broker uses the folder .*--data/);
  await expect(start(data)).rejects.toThrow(/^Another broker uses the folder/);
  ws.send('{"send":"/topic/a","body":"still here"}');
  expect(JSON.parse(await texts.next())).toMatchObject({ command: 'MESSAGE', body: 'still here' });
});

test('a folder given back, by a close or by a start that failed, can be taken at once', async () => {
  const data = join(folder, 'again');
  const other = await start(join(folder, 'other'));
  await expect(start(data, other.port)).rejects.toThrow(/EADDRINUSE/);
  const first = await start(data);
  open.splice(open.indexOf(first), 1);
  await first.close();
  await start(data);
});

test('the folder of a process that was killed can be taken at once', async () => {
  const data = join(folder, 'killed');
  const script = `import(${JSON.stringify(new URL('../../local/folder.ts', import.meta.url).href)})
    .then(({ occupy }) => occupy(${JSON.stringify(data)}))
    .then(() => { console.log('taken'); setInterval(() => undefined, 1000); });`;
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await expect(occupy(data)).rejects.toThrow(/^Another broker/);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await occupy(data)).release();
});

test('a file in the place of the folder is told in words', async () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  await expect(occupy(file)).rejects.toThrow(/^The data folder .* cannot be made: .*EEXIST/);
});

test('a folder that cannot be made is told in words at once, where Node would try for ever', async () => {
  // Within a process of its own: what spins there could not be given up here.
  const script = `import(${JSON.stringify(new URL('../../local/folder.ts', import.meta.url).href)})
    .then(({ occupy }) => occupy('/proc/stompway/data'))
    .catch((fault) => console.log(fault.message));`;
  const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', '-e', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^The data folder \/proc\/stompway\/data cannot be made: .*ENOENT/);
}, 25_000);

test('folders within folders are made', async () => {
  const data = join(folder, 'a', 'b', 'c');
  await (await occupy(data)).release();
  await (await occupy(data)).release();
});
