/**
 * Nothing is stuck once all is quiet: no ready item waits beside a consumer that may hold more and
 * wants it, nothing is overdue, no lease stands for what was settled or for who is known to be gone,
 * and each was posted. When a queue is emptied nothing is left of what was in it.
 */
import { parseDestination } from '../../../broker/destination.ts';
import { LIMITS } from '../../../broker/limits.ts';
import {
  type Consumer,
  consumerKey,
  decodeConsumer,
  decodeItem,
  decodeLease,
  type Lease,
  PREFIX,
} from '../../../broker/queue-cells.ts';
import { makeSelector } from '../../../broker/selector.ts';
import { type Given, takenAt } from '../work-truth.ts';
import type { World } from '../world.ts';
import type { MakeChecker } from './checker.ts';

const LATE_MILLISECONDS = 10_000;
const MANY = 10_000;

export const stuck: MakeChecker = ({ plan, scheduler, report }) => {
  const posted = new Set<string>();
  const taken = new Map<string, Given>();
  /** A body whose item is gone may be left by a crash, until its time is over. */
  const dies = plan.faults.kill > 0 || plan.faults.final > 0;

  async function cells<Cell>(
    { kept }: World,
    queue: string,
    from: string,
    decode: (bytes: Uint8Array) => Cell,
  ): Promise<readonly Cell[]> {
    const to = String.fromCharCode(from.charCodeAt(0) + 1);
    const found = await kept.shelf.read(queue, { from, to, most: MANY });
    return found.map(([, bytes]) => decode(bytes));
  }

  /** What is wrong with a lease, in words. */
  function wrongs(lease: Lease, consumer: Consumer | undefined, { gateway }: World): string[] {
    const { connectionId, ackId, until } = lease;
    const open = gateway.isOpen(connectionId);
    const given = taken.get(`${connectionId} ${ackId}`);
    const auto = consumer?.ack === 'auto';
    const all: readonly (readonly [wrong: boolean, words: string])[] = [
      [until < scheduler.now() - LATE_MILLISECONDS, 'is overdue'],
      [consumer === undefined, 'has no consumer'],
      [!open && !gateway.endedUntold(connectionId), 'stands for who is known to be gone'],
      [open && !auto && !posted.has(`${connectionId} ${ackId}`), 'was never posted'],
      [open && auto, 'is not consumed'],
      [
        open && given?.verdicts.some((one) => takenAt(one) !== undefined) === true,
        'stands though it was acknowledged',
      ],
    ];
    return all.flatMap(([wrong, words]) => (wrong ? [words] : []));
  }

  async function look(world: World, queue: string): Promise<void> {
    const consumers = await cells(world, queue, PREFIX.consumer, decodeConsumer);
    const leases = await cells(world, queue, PREFIX.lease, decodeLease);
    for (const lease of leases) {
      const consumer = consumers.find((one) => consumerKey(one) === consumerKey(lease));
      for (const words of wrongs(lease, consumer, world)) {
        report(`${lease.item.place} of ${queue}, leased to ${lease.connectionId}, ${words}`);
      }
    }
    for (const item of await cells(world, queue, PREFIX.delayed, decodeItem)) {
      const late = scheduler.now() - item.availableAt;
      if (late > LATE_MILLISECONDS) report(`${item.place} of ${queue} waits ${late} ms too long`);
    }
    const { subscribers } = await world.kept.store.subscribers(parseDestination(queue, LIMITS));
    const present = new Set(subscribers.map(consumerKey));
    const free = consumers.filter((one) => {
      const held = leases.filter((lease) => consumerKey(lease) === consumerKey(one)).length;
      return present.has(consumerKey(one)) && held < one.prefetch;
    });
    for (const { message, place } of await cells(world, queue, PREFIX.ready, decodeItem)) {
      const idle = free.find((one) => makeSelector(one.selector)(message.headers));
      if (idle !== undefined) report(`${place} of ${queue} waits beside ${idle.connectionId}`);
    }
  }

  return {
    observe(observation) {
      if (observation.type === 'posted') {
        const { connectionId, headers } = observation.posted;
        posted.add(`${connectionId} ${headers['ack']}`);
      }
      if (observation.type === 'given') {
        const { given } = observation;
        taken.set(`${given.connectionId} ${given.headers['ack']}`, given);
      }
    },
    async settled({ world, cast }) {
      if (plan.ingress === 'direct') return;
      for (const queue of cast.queues) await look(world, queue);
    },
    async quiet({ world, cast }) {
      for (const queue of cast.queues) {
        for (const one of [queue, queue.replace('/queue/', '/queue/dead.')]) {
          const to = dies ? PREFIX.body : 'y';
          const left = await world.kept.shelf.read(one, { from: 'd', to, most: 5 });
          for (const [key] of left) report(`${key} is left of ${one}`);
        }
      }
    },
  };
};
