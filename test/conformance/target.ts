/** The server under test and everything about it that a row may need to know. */
export interface Target {
  readonly url: string;
  readonly topicPrefix: string;
  readonly queuePrefix: string;
  readonly login: string;
  readonly passcode: string;
  readonly host: string;
  /** A body of this many KiB must be refused; undefined: the server names no limit (LIM-01). */
  readonly oversizeKiB: number | undefined;
  /** A body of this many KiB must pass (BOD-11). */
  readonly largeKiB: number;
  /** False: binary messages are not carried, and rows that need them fail without being run. */
  readonly binary: boolean;
  /** How long an answer may take before it counts as silence. */
  readonly patienceMs: number;
  /** Grace after a fence, for what may travel by another way than the fence did. */
  readonly quietMs: number;
  /** The interval of the heart-beat rows. */
  readonly beatMs: number;
}

export function targetFrom(env: NodeJS.ProcessEnv, url: string): Target {
  const number = (name: string, otherwise: number): number => {
    const value = env[name] === undefined ? otherwise : Number(env[name]);
    if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} must be a number above 0`);
    return value;
  };
  return {
    url,
    topicPrefix: env['TOPIC_PREFIX'] ?? '/topic/',
    queuePrefix: env['QUEUE_PREFIX'] ?? '/queue/',
    login: env['LOGIN'] ?? 'guest',
    passcode: env['PASSCODE'] ?? 'guest',
    host: env['VHOST'] ?? '/',
    oversizeKiB: env['OVERSIZE_KB'] === undefined ? undefined : number('OVERSIZE_KB', 1),
    largeKiB: number('LARGE_KB', 24),
    binary: env['BINARY'] === '1',
    patienceMs: number('PATIENCE_MS', 5_000),
    quietMs: number('QUIET_MS', 150),
    beatMs: number('HB_MS', 1_000),
  };
}
