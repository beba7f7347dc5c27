/**
 * Not a test: another process, or another thread, that works on the same LMDB folder. It does one
 * order after the other and answers each; `flood` subscribes without end, telling each id it did.
 */
import { parentPort } from 'node:worker_threads';
import { lmdbStore } from '../../adapters/lmdb/store.ts';
import { systemClock } from '../../adapters/system.ts';
import { parseDestination } from '../../broker/destination.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Connection } from '../../broker/model.ts';

export interface Order {
  readonly do: 'open store' | 'subscribe' | 'unsubscribe' | 'end' | 'flood';
  /** A folder for `open store`, else a connection id. */
  readonly name: string;
  readonly to?: string;
}

let store: ReturnType<typeof lmdbStore> | undefined;
let changes = 0;

async function obey(order: Order): Promise<void> {
  if (order.do === 'open store') {
    store = lmdbStore({ path: order.name, clock: systemClock, limits: LIMITS });
    return;
  }
  if (store === undefined) throw new Error('The first order is to open a store');
  changes += 1;
  const stamp = String(changes).padStart(10, '0');
  if (order.do === 'end') await store.end(order.name, 'left');
  else if (order.do === 'unsubscribe') await store.unsubscribe(order.name, 's', stamp);
  else await subscribe(store, order, stamp);
}

async function subscribe(
  into: NonNullable<typeof store>,
  { name, to = '' }: Order,
  stamp: string,
): Promise<void> {
  const connection: Connection = {
    id: name,
    carrier: 'raw',
    dialect: 'stomp',
    version: '1.2',
    connectedAt: Date.now(),
    expiresAt: Date.now() + 3_600_000,
    stamp: '',
  };
  await into.open(connection);
  const wish = { connectionId: name, id: 's', destination: to, ack: 'auto', stamp } as const;
  await into.subscribe(connection, wish, parseDestination(to, LIMITS));
}

async function take(order: Order, tell: (text: string) => void): Promise<void> {
  if (order.do !== 'flood') return obey(order).then(() => tell(order.name));
  for (let n = 0; ; n++) {
    const name = `${order.name}${n}`;
    await obey({ ...order, do: 'subscribe', name });
    tell(name);
    if (n % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
}

if (parentPort === null) {
  process.on('message', (order: Order) => void take(order, (text) => process.send?.(text)));
} else {
  const port = parentPort;
  port.on('message', (order: Order) => void take(order, (text) => port.postMessage(text)));
}
