import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/**
 * The house of docs/architecture.md: imports only go down. A file's floor is that of the longest
 * path prefix listed here; `infra/` meets `lambda/` by file path and variable names alone.
 */
const FLOORS: Readonly<Record<string, number>> = {
  'broker/model': 1,
  'broker/errors': 1,
  'broker/limits': 1,
  'broker/destination': 2,
  'broker/ports': 2,
  'broker/rules': 2,
  'broker/roster': 2,
  'broker/slice': 2,
  'broker/permission': 2,
  'broker/identity-settings': 2,
  'broker/settings': 1,
  'broker/socketio-settings': 1,
  'broker/': 3,
  'protocol/': 3,
  'adapters/': 4,
  'lambda/': 5,
  'emitter/': 5,
  'local/': 6,
  'infra/': 6,
};

const root = process.cwd();
const folders = ['broker', 'protocol', 'adapters', 'lambda', 'emitter', 'local', 'infra'];
const files = folders.flatMap((folder) => sources(folder));

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => normalize(join(entry.parentPath, entry.name)).slice(root.length + 1));
}

function imports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g);
  return [...found].map((match) => normalize(join(dirname(file), match[1] ?? '')));
}

function floor(file: string): number {
  const prefix = Object.keys(FLOORS)
    .filter((key) => file.startsWith(key))
    .sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined) throw new Error(`${file} stands on no floor`);
  return FLOORS[prefix] ?? 0;
}

const edges = files.flatMap((from) => imports(from).map((to) => ({ from, to })));

test('there is a house to look at', () => {
  expect(files.length).toBeGreaterThan(4);
  expect(edges.length).toBeGreaterThan(5);
});

test('imports only go down, or stay in their own room', () => {
  const rising = edges.filter(({ from, to }) => floor(to) > floor(from));
  expect(rising).toEqual([]);
});

test('protocol/ and the heart of broker/ know nothing of each other', () => {
  const crossing = edges.filter(
    ({ from, to }) =>
      (from.startsWith('protocol/') && to.startsWith('broker/') && floor(to) > 1) ||
      (from.startsWith('broker/') && to.startsWith('protocol/')),
  );
  expect(crossing).toEqual([]);
});

test('infra/ reads no handler and no adapter, only floors 1 and 2', () => {
  const reaching = edges.filter(
    ({ from, to }) => from.startsWith('infra/') && !to.startsWith('infra/') && floor(to) > 2,
  );
  expect(reaching).toEqual([]);
});

test('local/ is imported by nothing below it', () => {
  expect(
    edges.filter(({ from, to }) => to.startsWith('local/') && !from.startsWith('local/')),
  ).toEqual([]);
});

test('no file imports itself by a circle', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
    if (trail.includes(file) || done.has(file)) return;
    for (const { from, to } of edges) if (from === file) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test('nothing below the entry floor reads the environment, the clock, chance, or logs', () => {
  const offenders = files
    .filter((file) => file.startsWith('broker/') || file.startsWith('protocol/'))
    .filter((file) =>
      /process\.env|Date\.now\(|new Date\(\)|Math\.random\(|console\./.test(
        readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ''),
      ),
    );
  expect(offenders).toEqual([]);
});
