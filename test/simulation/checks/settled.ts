/**
 * Settled once: after the RECEIPT of its ACK, or of the COMMIT that holds it, no other delivery of a
 * message begins; after that of a NACK with `requeue:false` it lies in the dead letters. It is not
 * asked where the acknowledgement came for a delivery that was over: its subscription had ended, a
 * post to its connection was refused, or its lease may have run out.
 */
import { type Given, type Posted, takenAt } from '../work-truth.ts';
import type { World } from '../world.ts';
import type { MakeChecker } from './checker.ts';

/** Leases shorter than the whole run may run out. */
const LEASE_SECONDS_MIN = 300;

export const settled: MakeChecker = ({ truth, plan, scheduler, report }) => {
  if (plan.ingress === 'direct' || plan.work.ackSeconds < LEASE_SECONDS_MIN) return {};
  const givens: Given[] = [];
  const deliveries = new Map<string, Posted[]>();
  const left = new Map<string, number[]>();

  function leftWhile({ connectionId, subscription, at }: Given, until: number): boolean {
    const times = left.get(`${connectionId} ${subscription}`) ?? [];
    return times.some((time) => time >= at - LEEWAY && time <= until);
  }

  return {
    observe(observation) {
      if (observation.type === 'given') givens.push(observation.given);
      if (observation.type === 'posted') {
        const { posted } = observation;
        const key = `${posted.destination} ${posted.body}`;
        deliveries.set(key, [...(deliveries.get(key) ?? []), posted]);
      }
      if (observation.type === 'logged') {
        for (const entry of observation.record.entries) {
          if (entry.type !== 'leave') continue;
          const { connectionId, subscriptionId } = entry.membership;
          const key = `${connectionId} ${subscriptionId}`;
          left.set(key, [...(left.get(key) ?? []), scheduler.now()]);
        }
      }
    },
    quiet({ world }) {
      for (const given of givens) check(given, world);
    },
  };

  function check(given: Given, { gateway }: World): void {
    const { queue, body, connectionId } = given;
    // One delivery may have been read twice, and two things said of it.
    const same = givens.filter((one) => one.headers['ack'] === given.headers['ack']);
    const mine = same.filter((one) => one.connectionId === connectionId && one.queue === queue);
    const [verdict, second] = mine.flatMap(({ verdicts }) => verdicts);
    const taken = verdict === undefined ? undefined : takenAt(verdict);
    if (verdict === undefined || second !== undefined || taken === undefined) return;
    if (gateway.wasRefused(connectionId) || leftWhile(given, taken)) return;
    if (verdict.how === 'refuse') dead(given);
    if (verdict.how !== 'ack') return;
    const other = (deliveries.get(`${queue} ${body}`) ?? []).find((one) => {
      const another = one.headers['ack'] !== given.headers['ack'];
      return one.at > taken && another && !one.by.unrecorded;
    });
    if (other === undefined) return;
    report(
      `${body} of ${queue} was acknowledged on ${connectionId} and came to ${other.connectionId}`,
    );
  }

  function dead({ queue, body }: Given): void {
    const grave = truth.logs.get(queue.replace('/queue/', '/queue/dead.'))?.messages ?? [];
    if (!grave.some((one) => one?.body === body)) report(`${body} was refused and is not dead`);
  }
};

/** On its way to its reader. */
const LEEWAY = 5000;
