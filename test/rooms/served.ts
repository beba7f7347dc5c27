/** A broker and the people in its rooms, given back after each test. */
import type { Log } from '../../broker/ports.ts';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { type Person, type PersonOptions, person } from './person.ts';

/** Faults on demand are logged by the hundred. */
const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const brokers: Broker[] = [];
const people: Person[] = [];

/** Its URL. In memory unless told otherwise. */
export async function start(options: Partial<BrokerOptions> = {}): Promise<string> {
  const broker = await startBroker({ port: 0, memory: true, log: SILENT, ...options });
  brokers.push(broker);
  return `ws://127.0.0.1:${broker.port}/ws`;
}

export async function stop(): Promise<void> {
  await Promise.all(brokers.splice(0).map((broker) => broker.close()));
}

export function enter(url: string, options?: PersonOptions): Person {
  const one = person(url, options);
  people.push(one);
  return one;
}

/** To be called after each test. */
export async function clear(): Promise<void> {
  await Promise.all(people.splice(0).map((one) => one.leave()));
  await stop();
}
