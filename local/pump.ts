/**
 * The stream of the logs, driven in this process as DynamoDB Streams drive `deliver` on AWS: records
 * in order, a batch given again until it is handled, the cursor committed after it. After a restart
 * it goes on where delivery had got to.
 */

import type { LogRecord } from '../broker/model.ts';
import type { Log, LogStream } from '../broker/ports.ts';

export interface PumpOptions {
  readonly stream: LogStream;
  readonly deliver: (records: readonly LogRecord[]) => Promise<void>;
  readonly log: Log;
  /** Records of one batch. @default 1000 */
  readonly batchMax?: number;
  /**
   * Milliseconds between looks at a stream that other threads append to; 0: this process's own
   * appends alone wake it. @default 0
   */
  readonly pollMilliseconds?: number;
  /** Pause before a failed batch is given again. @default 100 */
  readonly retryMilliseconds?: number;
}

export interface Pump {
  /** Resolves when everything appended before the call is delivered. */
  drained(): Promise<void>;
  /** Stops after the batch under way. */
  stop(): Promise<void>;
}

export function startPump(options: PumpOptions): Pump {
  const { stream, deliver, log, batchMax = 1000 } = options;
  const { pollMilliseconds = 0, retryMilliseconds = 100 } = options;
  let stopped = false;
  let wake: (() => void) | undefined;
  let awake = true;
  const waiters: (() => void)[] = [];

  function rouse(): void {
    awake = true;
    wake?.();
  }

  const forget = stream.onAppend(rouse);
  const polling = pollMilliseconds > 0 ? setInterval(rouse, pollMilliseconds) : undefined;
  polling?.unref();

  /** One turn of the event loop: appends of one socket read become one batch. */
  function sleep(): Promise<void> {
    return new Promise((resolve) => {
      wake = () => {
        wake = undefined;
        setImmediate(resolve);
      };
      if (awake || stopped) wake();
    });
  }

  async function run(): Promise<void> {
    let cursor = await stream.committed();
    while (!stopped) {
      awake = false;
      try {
        const read = await stream.read(cursor, batchMax);
        if (read.length > 0) {
          await deliver(read.map(({ record }) => record));
          const reached = read.at(-1)?.cursor ?? cursor;
          await stream.commit(reached);
          cursor = reached;
          continue;
        }
      } catch (cause) {
        // The stream itself may fail as well: a full disk ends no process.
        log.error('deliver-failed', cause, { cursor });
        await new Promise((resolve) => setTimeout(resolve, retryMilliseconds));
        continue;
      }
      if (!awake) for (const waiter of waiters.splice(0)) waiter();
      await sleep();
    }
  }

  const running = run();
  return {
    drained() {
      const quiet = new Promise<void>((resolve) => waiters.push(resolve));
      rouse();
      return quiet;
    },
    async stop() {
      stopped = true;
      forget();
      if (polling !== undefined) clearInterval(polling);
      wake?.();
      for (const waiter of waiters.splice(0)) waiter();
      await running;
    },
  };
}
