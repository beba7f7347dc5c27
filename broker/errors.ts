/**
 * Every way a client can be at fault, in one table. A `BrokerError` is thrown or returned by the
 * code that finds the fault and turned by each dialect into its own ERROR; anything else that is
 * thrown is our fault, is logged once, and reaches the client as `internal` without a word more.
 */

interface ErrorKind {
  /** The HTTP status that says the same. */
  readonly status: number;
  /** True: ends the connection in every dialect. False: STOMP ends it, JSON carries on. */
  readonly fatal: boolean;
}

export const ERRORS = {
  'protocol-violation': { status: 400, fatal: false },
  'not-connected': { status: 401, fatal: false },
  unauthenticated: { status: 401, fatal: true },
  'version-unsupported': { status: 400, fatal: true },
  'unknown-command': { status: 400, fatal: false },
  'header-missing': { status: 400, fatal: false },
  'header-malformed': { status: 400, fatal: false },
  'frame-too-large': { status: 413, fatal: true },
  'too-many-headers': { status: 431, fatal: true },
  'destination-invalid': { status: 400, fatal: false },
  'subscription-exists': { status: 409, fatal: false },
  'subscription-unknown': { status: 404, fatal: false },
  'too-many-subscriptions': { status: 429, fatal: true },
  'transaction-unknown': { status: 404, fatal: false },
  'transaction-exists': { status: 409, fatal: false },
  'transaction-too-large': { status: 413, fatal: false },
  'not-supported': { status: 501, fatal: false },
  'ingress-unreadable': { status: 400, fatal: true },
  'envelope-malformed': { status: 400, fatal: true },
  'rate-limited': { status: 429, fatal: true },
  'destination-busy': { status: 429, fatal: false },
  'queue-full': { status: 429, fatal: false },
  'too-slow': { status: 429, fatal: true },
  forbidden: { status: 403, fatal: false },
  'application-failed': { status: 502, fatal: false },
  internal: { status: 500, fatal: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** The client's fault, in words. `message` names it in ≤ 100 characters, `mend` says what to do. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: ErrorCode;
  /** A sentence on how to mend it; the body of the ERROR. */
  readonly mend: string;
  /** Headers the ERROR carries besides: `version` on a refused CONNECT. */
  readonly headers: readonly (readonly [string, string])[];

  constructor(
    code: ErrorCode,
    message: string,
    mend: string,
    headers: readonly (readonly [string, string])[] = [],
  ) {
    super(message.length > 100 ? `${message.slice(0, 99)}…` : message);
    this.code = code;
    this.mend = mend;
    this.headers = headers;
  }

  get fatal(): boolean {
    return ERRORS[this.code].fatal;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** What a client is told of a fault of ours: nothing internal. */
export function internalError(): BrokerError {
  return new BrokerError(
    'internal',
    'The broker failed to handle this',
    'Nothing you sent is wrong; connect again and repeat what got no RECEIPT.',
  );
}
