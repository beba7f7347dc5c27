import type { Grant } from '../../broker/model.ts';
import type { Claims } from '../../broker/permission.ts';

/** Whom a token, a key or a hook recognised; permissions make grants of it. */
export interface Recognised {
  readonly user?: string;
  readonly tokenId?: string;
  /** ms */
  readonly expiresAt?: number;
  readonly claims: Claims;
  /** Grants besides those of the permissions. */
  readonly grants?: readonly Grant[];
}

/** Tells whom a token is of; `expired` if only its time is over. */
export type TokenReader = (token: string) => Promise<Recognised | 'refused' | 'expired'>;
