import { metricLog } from '../../adapters/metrics.ts';
import type { Log } from '../../broker/ports.ts';

function setting() {
  const lines: string[] = [];
  const plain: string[] = [];
  const log: Log = {
    info: (event) => void plain.push(event),
    warn: (event) => void plain.push(event),
    error: (event) => void plain.push(event),
  };
  const clock = { now: () => 1_800_000_000_000 };
  const write = (line: string) => void lines.push(line);
  return { log: metricLog(log, { clock, broker: 'table', write }), lines, plain };
}

test('an event that counts is a metric, in the embedded format', () => {
  const { log, lines, plain } = setting();
  log.info('slow-dropped', { count: 3 });
  expect(plain).toEqual([]);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    {
      _aws: {
        Timestamp: 1_800_000_000_000,
        CloudWatchMetrics: [
          {
            Namespace: 'Stompway',
            Dimensions: [['Broker']],
            Metrics: [{ Name: 'SlowDropped', Unit: 'Count' }],
          },
        ],
      },
      Broker: 'table',
      event: 'slow-dropped',
      SlowDropped: 3,
    },
  ]);
});

test('any other is a line of the log', () => {
  const { log, lines, plain } = setting();
  log.info('swept', { asked: 1 });
  log.warn('undelivered');
  expect([lines, plain]).toEqual([[], ['swept', 'undelivered']]);
});
