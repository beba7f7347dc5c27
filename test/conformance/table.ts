/** Every row of the table, in its order; each `id/variant` is one item. */
import type { Row } from './row.ts';
import { acknowledged } from './rows/acknowledged.ts';
import { acknowledgements } from './rows/acknowledgements.ts';
import { body } from './rows/body.ts';
import { connecting } from './rows/connecting.ts';
import { errors } from './rows/errors.ts';
import { framing } from './rows/framing.ts';
import { headers } from './rows/headers.ts';
import { heartbeats } from './rows/heartbeats.ts';
import { limits } from './rows/limits.ts';
import { messages } from './rows/messages.ts';
import { order } from './rows/order.ts';
import { disconnecting, receipts } from './rows/receipts.ts';
import { subprotocols } from './rows/subprotocols.ts';
import { subscriptions } from './rows/subscriptions.ts';
import { transactions } from './rows/transactions.ts';
import { transport } from './rows/transport.ts';

export const table: readonly Row[] = [
  ...connecting,
  ...framing,
  ...headers,
  ...body,
  ...messages,
  ...order,
  ...subscriptions,
  ...acknowledgements,
  ...acknowledged,
  ...transactions,
  ...receipts,
  ...disconnecting,
  ...errors,
  ...heartbeats,
  ...subprotocols,
  ...transport,
  ...limits,
];

/** Judged by the run over every frame of every other row. */
export const RUN_WIDE = {
  id: 'FRM-99',
  title: 'every server frame parses and is written by the rules of its version',
} as const;
