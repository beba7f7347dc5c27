/** Whether a connection lives, as API Gateway itself knows: `$disconnect` may never have come. */
import type { Liveness } from '../../broker/ports.ts';
import { type PatienceWorld, patience } from '../verdict.ts';
import { judge, type Management } from './management.ts';

export interface LivenessOptions extends Omit<PatienceWorld, 'random'> {
  readonly management: Management;
  /** @default Math.random */
  readonly random?: () => number;
}

/**
 * Throttles, 5xx and silence are asked again, as a post is; what is left of them is thrown, for a
 * connection that could not be asked after is not gone.
 */
export function gatewayLiveness({ management, ...options }: LivenessOptions): Liveness {
  const world: PatienceWorld = { random: Math.random, ...options };
  return {
    async alive(connectionId) {
      let cause: unknown;
      const { outcome } = await patience(world, NEVER).settle(async () => {
        const answer = await management.get(connectionId);
        cause = answer.cause;
        return judge(answer);
      });
      if (outcome === 'sent') return true;
      if (outcome === 'gone') return false;
      throw cause ?? new Error(`Asked after a connection, the gateway said: ${outcome}`);
    },
  };
}

/** A 410 is an answer, however young the connection. */
const NEVER = 0;
