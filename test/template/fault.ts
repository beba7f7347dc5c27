/**
 * What is wrong with a template, by name. Whatever the runtime does not know it refuses with one of
 * these instead of guessing: a laxer stand-in than AWS would prove nothing.
 */
export type FaultCode =
  | 'assembly-unreadable'
  | 'asset-missing'
  | 'unknown-intrinsic'
  | 'unknown-reference'
  | 'unknown-attribute'
  | 'unknown-resource-type'
  | 'unknown-property'
  | 'missing-property'
  | 'wrong-value'
  | 'unknown-condition-operator'
  | 'unknown-managed-policy'
  | 'role-not-assumable'
  | 'invoke-not-permitted'
  | 'access-denied'
  | 'unknown-template-expression'
  | 'unknown-route-key'
  | 'route-missing'
  | 'integration-missing'
  | 'stage-missing'
  | 'source-unreadable'
  | 'queue-unread'
  | 'failures-unread'
  | 'integration-failed'
  | 'invalid-runtime'
  | 'handler-file-missing'
  | 'handler-export-missing'
  | 'handler-failed'
  | 'visibility-below-timeout'
  | 'key-schema'
  | 'edge-function-failed'
  | 'origin-silent'
  | 'journey-failed'
  | 'grant-unused';

/** Hears of what goes wrong while it runs: handlers and clients may never notice. */
export type OnFault = (code: FaultCode, what: string) => void;

/** `code: where: what`, one line. */
export class TemplateFault extends Error {
  override readonly name = 'TemplateFault';
  readonly code: FaultCode;
  readonly where: string;

  constructor(code: FaultCode, where: string, what: string, cause?: unknown) {
    super(`${code}: ${where}: ${what}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.where = where;
  }
}
