/**
 * Answers of clients to what the operator's own code asked of them (Socket.IO: acks). They wait on a
 * shelf of the question for whoever asked, in whichever process he is.
 */
import type { AnsweredCommand } from './model.ts';
import type { Logs } from './ports.ts';
import type { Session } from './session.ts';

/** The last one of a connection counts. Whoever answers what was never asked fills a shelf for a minute. */
export async function keepAnswer(
  { request, answer }: AnsweredCommand,
  { connection, ports }: Session,
): Promise<void> {
  const { logs, clock, limits } = ports;
  const expiresAt = clock.now() + limits.answerSecondsMax * 1000;
  await logs?.shelf.write(shelfOf(request), [[connection.id, Buffer.from(answer)]], expiresAt);
}

/** By connection, as JSON arrays. */
export async function readAnswers(
  request: number,
  most: number,
  { shelf }: Logs,
): Promise<ReadonlyMap<string, string>> {
  const cells = await shelf.read(shelfOf(request), { from: ' ', to: '\u{7f}', most });
  return new Map(cells.map(([id, value]) => [id, Buffer.from(value).toString()]));
}

function shelfOf(request: number): string {
  return `answers ${request}`;
}
