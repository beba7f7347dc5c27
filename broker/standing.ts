/**
 * Who may still hear, asked of each subscriber at each delivery, by what its row carries: a ban, the
 * end of a token or changed rules take effect with the next message, whoever publishes it.
 */
import { isRevoked } from './authenticate.ts';
import type { Subscriber } from './model.ts';
import type { Ports } from './ports.ts';

/** Whether a subscriber may still hear; who may not is noted, to be ended. */
export type Standing = (subscriber: Subscriber) => boolean;

/**
 * Undefined where nobody is asked who he is. Without an identity, as an emitter has none, bans and
 * the ends of tokens hold, and changed settings go unseen.
 */
export async function standingOf(
  { identity, revocations, clock }: Pick<Ports, 'identity' | 'revocations' | 'clock'>,
  over: string[],
): Promise<Standing | undefined> {
  if (identity === undefined && revocations === undefined) return undefined;
  const revoked = await revocations?.current();
  const now = clock.now();
  return (subscriber) => {
    const { tokenExpiresAt, policy } = subscriber;
    const stands =
      (identity === undefined || policy === identity.policy) &&
      (tokenExpiresAt === undefined || tokenExpiresAt > now) &&
      (revoked === undefined || !isRevoked(subscriber, revoked));
    if (!stands) over.push(subscriber.connectionId);
    return stands;
  };
}
