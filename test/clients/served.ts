/** The broker the clients talk to: in this process, in memory, on a free port of loopback. */
import { startBroker } from '../../local/broker.ts';

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

export async function serve(): Promise<Served> {
  const broker = await startBroker({ port: 0, memory: true });
  return { url: `ws://${broker.host}:${broker.port}/ws`, stop: () => broker.close() };
}
