/**
 * The broker of the queues bench, in a process of its own: `memory` or `lmdb`. Tells its port once it
 * listens, and its CPU time when asked.
 */
import { startBroker } from '../local/broker.ts';

const [kind, data] = process.argv.slice(2);
if (process.send !== undefined && data !== undefined) {
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.on('disconnect', () => process.exit(0));
  const store = kind === 'memory' ? { memory: true } : { data };
  process.send((await startBroker({ port: 0, ...store })).port);
}
