/**
 * Handing out what is ready: each item to the consumer that holds the fewest of those that may hold
 * more and want it. Leases are on the shelf before the post leaves. What a consumer with ack:auto
 * was sent is consumed; whoever cannot be posted to is cut, and its share goes to the others once the
 * log has said so: what it had acknowledged before stands in front of that.
 */

import { ackOfItem } from './ack-id.ts';
import { bury, reasonToBury } from './dead-letters.ts';
import type { Message, Subscriber } from './model.ts';
import { type Consumer, consumerKey, type Item, type Lease, readyKey } from './queue-cells.ts';
import type { QueueStep } from './queue-step.ts';
import { makeSelector, type Selector } from './selector.ts';

interface Hand {
  readonly consumer: Consumer;
  readonly subscriber: Subscriber;
  readonly wants: Selector;
  held: number;
}

interface Given {
  readonly lease: Lease;
  readonly hand: Hand;
  /** A run that died may have posted it. */
  readonly again: boolean;
}

export interface Handout {
  /** Rounds until nothing is ready or nobody may hold more; what is left after many, follows. */
  run(): Promise<void>;
}

/**
 * Leases of a change after `finished` were perhaps not posted: they are posted again, with the same
 * ack id and marked redelivered, for perhaps they were.
 */
export function makeHandout(step: QueueStep, finished: number): Handout {
  const { shelf, scene, ports, logs, destination } = step;
  const { limits, clock } = ports;
  const selectors = new Map<string | undefined, Selector>();
  /** Above all that are held: what was leased by a run that died is older than what follows. */
  let order = 0;
  for (const held of shelf.leases.values()) order = Math.max(order, held.order);

  function selectorOf(text: string | undefined): Selector {
    const known = selectors.get(text) ?? makeSelector(text);
    selectors.set(text, known);
    return known;
  }

  function hands(): Hand[] {
    const present = new Map(scene.audience().map((one) => [consumerKey(one), one]));
    const held = new Map<string, number>();
    for (const lease of shelf.leases.values()) {
      held.set(consumerKey(lease), (held.get(consumerKey(lease)) ?? 0) + 1);
    }
    return [...shelf.consumers.values()].flatMap((consumer) => {
      const subscriber = present.get(consumerKey(consumer));
      if (subscriber === undefined) return [];
      const wants = selectorOf(consumer.selector);
      return [{ consumer, subscriber, wants, held: held.get(consumerKey(consumer)) ?? 0 }];
    });
  }

  function tell({ lease, hand, again }: Given, message: Message): void {
    const ack = hand.consumer.ack === 'auto' ? undefined : lease.ackId;
    scene.hand(hand.subscriber, asReceived(message, lease.item.deliveries, again), ack);
  }

  function lease(item: Item, { consumer }: Hand): Lease {
    const deliveries = item.deliveries + 1;
    const now = clock.now();
    return {
      item: { ...item, deliveries },
      connectionId: consumer.connectionId,
      subscriptionId: consumer.subscriptionId,
      ackId: ackOfItem(item.place, deliveries, consumer.subscriptionId),
      givenAt: now,
      until: now + limits.ackSecondsDefault * 1000,
      revision: step.revision,
      order: ++order,
    };
  }

  /** One round; true if another may find something. */
  async function round(again: readonly Lease[]): Promise<boolean> {
    const all = hands();
    const repeated = resumed(again, all);
    const { given, more } = await assigned(all);
    const posted = [...repeated, ...given];
    await shelf.save();
    const messages = await shelf.whole(posted.map(({ lease: made }) => made.item));
    for (const [index, message] of messages.entries()) {
      const one = posted[index];
      if (one !== undefined) tell(one, message);
    }
    await finish(posted, await scene.post());
    await shelf.save();
    // What was told again and needs no ACK has made room.
    return more || repeated.length > 0;
  }

  /** Leases that a crash left perhaps unposted. */
  function resumed(again: readonly Lease[], all: readonly Hand[]): Given[] {
    return again.flatMap((old) => {
      shelf.uphold(old);
      const hand = all.find(({ consumer }) => consumerKey(consumer) === consumerKey(old));
      if (hand !== undefined) return [{ lease: old, hand, again: true }];
      // Of one that is gone the log will say so, behind what it has acknowledged.
      if (!shelf.consumers.has(consumerKey(old))) shelf.giveBack(old);
      return [];
    });
  }

  /** What is ready, to whoever may hold more; what has died is buried on the way. */
  async function assigned(all: readonly Hand[]): Promise<{ given: Given[]; more: boolean }> {
    const given: Given[] = [];
    const free = all.filter(isFree);
    const asked = free.reduce((sum, { consumer, held }) => sum + consumer.prefetch - held, 0);
    // More leases than are read at once could not be acknowledged.
    const credit = Math.min(asked, limits.queueCellsMax - shelf.leases.size);
    if (credit <= 0) return { given, more: false };
    const { from, most } = pageFor(free, credit);
    const ready = await shelf.ready(most, from);
    let [left, looked] = [ready.length, false];
    for (const item of ready) {
      const dead = reasonToBury(item, clock.now(), limits.deliveriesMaxDefault);
      if (dead !== undefined) {
        await bury(item, dead, step);
        shelf.discard(item);
        left--;
        continue;
      }
      if (given.length >= credit) break;
      const hand = freest(free, item);
      looked = look(free, item) || looked;
      if (hand === undefined) continue;
      const made = lease(item, hand);
      hand.held++;
      shelf.lease(made);
      given.push({ lease: made, hand, again: false });
      left--;
    }
    // Behind a full page there may be others; and whoever acknowledges nothing has room again.
    const behind = ready.length === most && (left < most || looked);
    const room = left > 0 && given.some(({ hand }) => hand.consumer.ack === 'auto');
    return { given, more: behind || room };
  }

  /** What nobody wants stays in front: with selectors more is looked at than can be held. */
  function pageFor(free: readonly Hand[], credit: number) {
    const froms = free.map((hand) => (isPicky(hand) ? shelf.looks.from(hand.consumer) : ''));
    const from = froms.reduce((first, one) => (one < first ? one : first));
    const most = free.some(isPicky) ? limits.queueRoundItemsMax : credit;
    return {
      from: from === '' ? undefined : from,
      most: Math.min(limits.queueRoundItemsMax, most),
    };
  }

  /** Those with selectors have now looked at it, if they had at all before it; true if one had not. */
  function look(free: readonly Hand[], item: Item): boolean {
    const key = readyKey(item);
    const news = free.filter(
      (hand) => isPicky(hand) && isFree(hand) && shelf.looks.from(hand.consumer) <= key,
    );
    for (const { consumer } of news) shelf.looks.passed(consumer, key);
    return news.length > 0;
  }

  async function finish(given: readonly Given[], cut: ReadonlySet<string>): Promise<void> {
    for (const { lease: made, hand } of given) {
      if (!cut.has(made.connectionId) && hand.consumer.ack === 'auto') shelf.settle(made);
    }
    const gone = [...shelf.consumers.values()].filter(({ connectionId }) => cut.has(connectionId));
    for (const consumer of gone) scene.forget(consumer);
    await farewell(gone);
  }

  /** Their end is told by the log, behind their own acknowledgements; a second telling is void. */
  async function farewell(gone: readonly Consumer[]): Promise<void> {
    const untold = gone.filter(({ leaving }) => leaving !== true);
    if (untold.length === 0) return;
    const entries = untold.map(({ connectionId, subscriptionId, stamp }) => {
      const membership = { connectionId, subscriptionId, stamp, session: '', member: '' };
      return { type: 'leave', membership, how: 'lost' } as const;
    });
    await logs.journal.append(destination.canonical, entries);
    for (const consumer of untold) shelf.leaving(consumer);
  }

  /** Those whose subscription is no more, though nobody has told the log. */
  function absent(): readonly Consumer[] {
    const present = new Set(scene.audience().map(consumerKey));
    return [...shelf.consumers.values()].filter((one) => !present.has(consumerKey(one)));
  }

  return {
    async run() {
      shelf.wind(clock.now());
      await farewell(absent());
      // In the order they were handed out, which ack:client counts by.
      let again = [...shelf.leases.values()]
        .filter(({ revision }) => revision > finished)
        .sort((one, other) => one.order - other.order);
      for (let rounds = 0; rounds < limits.queueRoundsMax; rounds++) {
        if (!(await round(again))) return schedule();
        again = [];
      }
      await logs.journal.append(destination.canonical, [{ type: 'tick' }]);
    },
  };

  /** The queue looks at its clock again when the first thing is due. */
  async function schedule(): Promise<void> {
    const due = shelf.nextDue();
    const { tickAt } = shelf.meta();
    const now = clock.now();
    if (due === undefined || (tickAt > now && tickAt <= due + 1000)) return;
    const seconds = Math.min(limits.laterSecondsMax, Math.max(0, Math.ceil((due - now) / 1000)));
    shelf.setTick(now + seconds * 1000);
    await logs.later.schedule(seconds, { type: 'tick', queue: destination.canonical });
  }
}

function isFree({ consumer, held }: Hand): boolean {
  return held < consumer.prefetch;
}

function isPicky({ consumer }: Hand): boolean {
  return consumer.selector !== undefined;
}

/** Of those who may hold more and want it, the one that holds the fewest. */
function freest(hands: readonly Hand[], { message }: Item): Hand | undefined {
  let found: Hand | undefined;
  for (const hand of hands) {
    if (!isFree(hand) || (found && found.held <= hand.held)) continue;
    if (hand.wants(message.headers)) found = hand;
  }
  return found;
}

function asReceived(message: Message, deliveries: number, again: boolean): Message {
  if (deliveries <= 1 && !again) return message;
  return {
    ...message,
    headers: [['redelivered', 'true'], ['delivery-count', String(deliveries)], ...message.headers],
  };
}
