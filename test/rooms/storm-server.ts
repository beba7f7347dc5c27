/** The broker of the storm, in a process of its own: told `cut`, it drops every connection at once. */
import { startBroker } from '../../local/broker.ts';

const broker = await startBroker({
  port: 0,
  memory: true,
  // API Gateway's quota of new connections, which `npm start` leaves off.
  gateway: { connectsPerSecond: 500 },
});
process.on('message', (message) => {
  if (message !== 'cut') return;
  const connections = broker.gateway.size();
  broker.gateway.cut();
  process.send?.(connections);
});
process.on('disconnect', () => process.exit(0));
process.send?.(broker.port);
