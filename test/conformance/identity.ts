/** A configuration that lets in LOGIN with PASSCODE and nobody else, and lets him do everything. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { targetFrom } from './target.ts';

/** The file's name; it is gone when this process ends. */
export function identityConfig(env: NodeJS.ProcessEnv): string {
  const { login, passcode } = targetFrom(env, '');
  const sha256 = createHash('sha256').update(passcode).digest('hex');
  const actions = ['subscribe', 'publish', 'history', 'presence', 'consume'];
  const folder = mkdtempSync(join(tmpdir(), 'stompway-conformance-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'stompway.json');
  const identity = { keys: [{ id: 'tester', sha256, user: login }] };
  const permissions = [{ pattern: '/**', actions }];
  writeFileSync(file, JSON.stringify({ identity, permissions }));
  return file;
}
