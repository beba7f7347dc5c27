/**
 * An application of one's own behind `/app/orders.create`, and a hook on rooms. On one machine it is
 * named in `stompway.json`:
 *
 *   {"applications": [
 *     {"pattern": "/app/orders.create", "module": "examples/application.ts"},
 *     {"pattern": "/room/*", "events": ["subscribe"], "module": "examples/application.ts"}]}
 *
 * A SEND to `/app/orders.create` is answered to its `reply-to`, or to `/user/queue/replies`, and
 * everybody at `/topic/orders` hears of it.
 */
import type { ApplicationAnswer, ApplicationRequest } from '../broker/ports.ts';

const CLOSED_ROOMS: ReadonlySet<string> = new Set(['/room/attic']);

export default async function application(request: ApplicationRequest): Promise<ApplicationAnswer> {
  if (request.event === 'subscribe') {
    const closed = CLOSED_ROOMS.has(request.destination ?? '');
    return closed ? { refuse: 'The attic is closed' } : {};
  }
  const order: { item?: unknown; count?: unknown } = JSON.parse(request.body ?? '{}');
  if (typeof order.item !== 'string') return { refuse: 'An order names an item' };
  // The same request may come twice: its id is the same, and so is the order's.
  const made = { id: request.id, item: order.item, by: request.connection.user ?? 'somebody' };
  return { reply: { body: made }, publish: [{ destination: '/topic/orders', body: made }] };
}
