/**
 * Nothing of a queue is lost: what stands in its log is consumed by somebody (posted to an ack:auto
 * subscription, or acknowledged), or stands in the dead letters for a reason that is true.
 */
import type { Sent } from '../truth.ts';
import { type Given, type Posted, perhapsTaken } from '../work-truth.ts';
import type { MakeChecker } from './checker.ts';

const DEAD = '/queue/dead.';

export const workLoss: MakeChecker = ({ truth, plan, report }) => {
  const gone = new Set<string>();
  const givens: Given[] = [];
  const buried: Posted[] = [];

  function reasonFor({ headers, body, destination }: Posted): void {
    const queue = headers['dead-queue'] ?? '';
    const reason = headers['dead-reason'];
    const mine = givens.filter((one) => one.body === body && one.queue === queue);
    // Without order it may be refused by a NACK of ack:client that was meant for less.
    const loose = plan.ingress === 'direct' && mine.some(({ mode }) => mode === 'client');
    const refused = mine.some(({ verdicts }) =>
      verdicts.some((one) => one.how === 'refuse' && perhapsTaken(one)),
    );
    const sent: Sent | undefined = truth.sents.get(body);
    const often = Number(headers['delivery-count']) >= plan.work.deliveriesMax;
    const fits =
      (reason === 'refused' && (refused || loose)) ||
      (reason === 'expired' && sent?.headers['expiration'] !== undefined) ||
      (reason === 'too-many-deliveries' && often);
    if (!fits) report(`${body} lies in ${destination} as ${reason}, which is not so`);
  }

  return {
    observe(observation) {
      if (observation.type === 'posted') {
        const { posted } = observation;
        const { subscription, body, destination } = posted;
        if (subscription.startsWith('auto-')) gone.add(`${subscription.slice(5)} ${body}`);
        if (destination.startsWith(DEAD)) buried.push(posted);
      }
      if (observation.type === 'given') givens.push(observation.given);
    },
    quiet() {
      for (const { verdicts, queue, body, connectionId, subscription, at } of givens) {
        const consumed = verdicts.some((one) => one.how === 'ack' && perhapsTaken(one));
        if (consumed || swept(connectionId, subscription, at)) gone.add(`${queue} ${body}`);
      }
      for (const queue of truth.logs.keys()) if (queue.startsWith('/queue/')) lost(queue);
      for (const one of buried) reasonFor(one);
    },
  };

  /**
   * Without order an ACK of ack:client may overtake a NACK of something before it, and consumes that.
   */
  function swept(connectionId: string, subscription: string, before: number): boolean {
    if (plan.ingress === 'fifo' || !subscription.startsWith('client-/')) return false;
    return givens.some(
      (one) =>
        one.connectionId === connectionId &&
        one.subscription === subscription &&
        one.at >= before &&
        one.verdicts.some(({ how }) => how === 'ack'),
    );
  }

  function lost(queue: string): void {
    const graves = new Set(bodiesOf(queue.replace('/queue/', DEAD)));
    for (const body of bodiesOf(queue)) {
      if (!gone.has(`${queue} ${body}`) && !graves.has(body)) report(`${body} of ${queue} is lost`);
    }
  }

  function bodiesOf(queue: string): readonly string[] {
    const messages = truth.logs.get(queue)?.messages ?? [];
    return messages.flatMap((message) => (message === undefined ? [] : [message.body]));
  }
};
