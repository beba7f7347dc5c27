/**
 * Shared secrets that stand in Secrets Manager or, as SecureString, in Parameter Store: what the
 * template ships is their ARN alone. A secret is read when the first token needs it, and anew ten
 * minutes later, so that a rotated one is known everywhere soon; until it has been read nobody is
 * let in by it.
 */
import type { Clock } from '../../broker/ports.ts';

const AGE_MILLISECONDS = 600_000;
export type SecretReader = () => Promise<Uint8Array>;

/** Whether a variable's value names a secret rather than being one. */
export function isSecretName(value: string): boolean {
  return /^arn:[\w-]+:(secretsmanager|ssm):/.test(value);
}

/** While a new reading fails the last known secret counts. */
export function secretReader(
  arn: string,
  clock: Clock,
  fetch: (arn: string) => Promise<string>,
): SecretReader {
  let known: Promise<Uint8Array> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now();
    if (known !== undefined && now - readAt < AGE_MILLISECONDS) return known;
    readAt = now;
    const before = known;
    const reading = fetch(arn)
      .then((text): Uint8Array => Buffer.from(text))
      .catch((cause: unknown) => {
        if (before !== undefined) return before;
        // Nothing is known: the next token asks again.
        known = undefined;
        throw cause;
      });
    known = reading;
    return reading;
  };
}
