/** What a log's records add to its history, from where `past.ts` reads it. */
import type { Destination } from './destination.ts';
import type { LoggedMessage, LogRecord } from './model.ts';
import type { Logs, Ports } from './ports.ts';

/** Every message of these records, by epoch: rows that a repeat writes over with the same. */
export async function keepHistory(
  destination: Destination,
  records: readonly LogRecord[],
  { clock, limits }: Ports,
  { journal, policies }: Logs,
): Promise<void> {
  const seconds = Math.max(policies(destination).historySeconds, limits.publishIdSeconds);
  const byEpoch = new Map<string, LoggedMessage[]>();
  for (const record of records) {
    const messages = byEpoch.get(record.epoch) ?? [];
    byEpoch.set(record.epoch, messages);
    messages.push(...messagesOf(record));
  }
  const expiresAt = clock.now() + seconds * 1000;
  for (const [epoch, messages] of byEpoch) {
    if (messages.length > 0) {
      await journal.keep(destination.canonical, epoch, messages, expiresAt);
    }
  }
}

function messagesOf({ seq, entries }: LogRecord): LoggedMessage[] {
  const messages = entries.flatMap((entry) => (entry.type === 'message' ? [entry.message] : []));
  const first = seq - messages.length + 1;
  return messages.map((message, index) => ({ seq: first + index, ...message }));
}
