/**
 * `npm run test:stomp-py`: stomp.py speaks TCP, so a bridge stands between it and `npm start`.
 * Needs Python 3 with stomp.py (Debian, Ubuntu: `apt-get install python3-stomp`); PYTHON names
 * another interpreter. `WS_URL` points it at a running broker.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { startServer } from '../conformance/server.ts';
import { bridge } from './bridge.ts';

/** Whichever python3 comes first may be another than the one Debian's packages are for. */
const candidates = [process.env['PYTHON'], 'python3', '/usr/bin/python3'];
const python = candidates.find(
  (name) => name !== undefined && spawnSync(name, ['-c', 'import stomp']).status === 0,
);

if (python === undefined) {
  console.error('stomp.py is missing: apt-get install python3-stomp, or pip install stomp.py');
  process.exitCode = 2;
} else {
  process.exitCode = await run(python);
}

async function run(interpreter: string): Promise<number> {
  const url = process.env['WS_URL'];
  const server = url === undefined ? await startServer([]) : undefined;
  const tcp = await bridge(url ?? server?.url ?? '');
  try {
    const script = ['test/clients/stomp_py.py', String(tcp.port)];
    const [code] = await once(spawn(interpreter, script, { stdio: 'inherit' }), 'exit');
    return typeof code === 'number' ? code : 1;
  } finally {
    await tcp.stop();
    await server?.stop();
  }
}
