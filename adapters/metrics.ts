/**
 * Metrics out of the log: lines of some events are written once more in CloudWatch's embedded metric
 * format, which costs no request. They go to standard output as they are, for whatever Lambda writes
 * before a line of `console` would hide them.
 */
import type { Clock, Log } from '../broker/ports.ts';

const NAMESPACE = 'Stompway';

/** What an event counts: its field `count`, under this name. */
const METRICS: Readonly<Record<string, string>> = {
  'slow-held': 'SlowHeld',
  'slow-dropped': 'SlowDropped',
  'slow-disconnected': 'SlowDisconnected',
};

export interface MetricOptions {
  readonly clock: Clock;
  /** By which the metrics of one broker are told from another's. */
  readonly broker: string;
  /** Takes one line without its end. @default standard output */
  readonly write?: (line: string) => void;
}

export function metricLog(log: Log, { clock, broker, write = writeOut }: MetricOptions): Log {
  return {
    ...log,
    info(event, fields = {}) {
      const name = METRICS[event];
      if (name === undefined) return log.info(event, fields);
      const metrics = {
        Namespace: NAMESPACE,
        Dimensions: [['Broker']],
        Metrics: [{ Name: name, Unit: 'Count' }],
      };
      const _aws = { Timestamp: clock.now(), CloudWatchMetrics: [metrics] };
      write(JSON.stringify({ _aws, Broker: broker, event, [name]: fields['count'] }));
    },
  };
}

function writeOut(line: string): void {
  process.stdout.write(`${line}\n`);
}
