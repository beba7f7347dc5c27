/**
 * A durable subscriber misses nothing: from the position of its first RECEIPT to its removal every
 * message comes, in order, over all its connections; with ack:auto up to where it was posted to, else
 * from behind what it acknowledged, and nothing of that again once the ACK has its RECEIPT.
 */
import type { Observation } from '../truth.ts';
import type { Life } from '../work-truth.ts';
import type { MakeChecker } from './checker.ts';

export const durable: MakeChecker = ({ truth, report }) => {
  /** Who listens on a connection, and the last `seq` it was posted and has read. */
  const listening = new Map<string, { life: Life; settled: number; read: number | undefined }>();
  const covered = new Map<Life, number>();

  /** `seq` may follow everything up to `reached`. */
  function follows(life: Life, seq: number, reached: number): void {
    if (life.from === undefined || life.over || seq <= life.from.seq) return;
    const before = Math.max(reached, life.from.seq);
    if (seq > before + 1)
      report(`${life.client} gets ${seq} of ${life.destination} after ${before}`);
  }

  function read({ life, connectionId, seq }: Observation & { readonly type: 'read' }): void {
    const one = listening.get(connectionId);
    if (one?.life !== life || life.mode === 'auto') return;
    if (seq <= one.settled) report(`${life.client} gets ${seq} again, acknowledged before`);
    follows(life, seq, one.read ?? life.acknowledged);
    one.read = Math.max(seq, one.read ?? 0);
    covered.set(life, Math.max(covered.get(life) ?? 0, seq));
  }

  return {
    observe(observation) {
      if (observation.type === 'listens') {
        const { life, connectionId } = observation;
        listening.set(connectionId, { life, settled: life.settled, read: undefined });
      }
      if (observation.type === 'posted' && observation.posted.subscription === 'd') {
        const { connectionId, headers } = observation.posted;
        const one = listening.get(connectionId);
        if (one === undefined || one.life.mode !== 'auto') return;
        const seq = Number(headers['seq']);
        const reached = covered.get(one.life) ?? 0;
        follows(one.life, seq, reached);
        covered.set(one.life, Math.max(reached, seq));
      }
      if (observation.type === 'read') read(observation);
    },
    quiet({ cast }) {
      for (const { life, name } of cast.faithful) {
        const last = (truth.logs.get(life.destination)?.messages.length ?? 1) - 1;
        const reached = Math.max(covered.get(life) ?? 0, life.from?.seq ?? 0);
        if (life.from === undefined) report(`${name} has no position`);
        else if (reached < last) report(`${name} got ${reached} of ${last}`);
      }
    },
  };
};
