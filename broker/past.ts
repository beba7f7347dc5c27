/**
 * What a SUBSCRIBE to a logged destination asks of the past: `since: epoch:seq`, `last: n` or
 * `after: <ISO time>`; and what it gets. A resume is whole or it is not: `recovered:true` promises
 * every message from `since` to the join, `recovered:false` gives none of them.
 */
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';
import type { Headers, LoggedMessage, Past, Position } from './model.ts';
import type { Journal } from './ports.ts';
import type { Policy } from './rules.ts';

const PAST_HEADERS: ReadonlySet<string> = new Set(['since', 'last', 'after']);

/** Throws `header-malformed` in words; undefined if nothing is asked. */
export function parsePast(headers: Headers, limits: Limits): Past | undefined {
  const asked = headers.filter(([name]) => PAST_HEADERS.has(name));
  const [name, value = ''] = asked[0] ?? [];
  if (name === undefined) return undefined;
  if (asked.some(([other]) => other !== name)) {
    throw malformed('since, last and after exclude each other', 'Send one of them.');
  }
  if (name === 'since') return { from: 'since', position: parsePosition(value) };
  return name === 'last' ? parseLast(value, limits) : parseAfter(value);
}

/** Whether something is asked of the past at all. */
export function asksPast(headers: Headers): boolean {
  return headers.some(([name]) => PAST_HEADERS.has(name));
}

/** Throws where something is asked of a past that is not kept: silence would look like none. */
export function assertNoPast(headers: Headers): void {
  const name = headers.find(([one]) => PAST_HEADERS.has(one))?.[0];
  if (name === undefined) return;
  throw new BrokerError(
    'not-supported',
    `This destination keeps no history for ${name}`,
    'Rooms do, and topics that a rule puts on the logged lane; patterns, queues and presence do not.',
  );
}

/** `epoch:seq`, as every MESSAGE and RECEIPT of a logged destination tells it. */
export function formatPosition({ epoch, seq }: Position): string {
  return `${epoch}:${seq}`;
}

export interface Replay {
  readonly recovered: boolean;
  readonly messages: readonly LoggedMessage[];
}

/** Reads what `past` asks, up to and including `join`. */
export async function replay(
  past: Past | undefined,
  join: Position,
  destination: string,
  policy: Policy,
  { journal, limits, now }: { journal: Journal; limits: Limits; now: number },
): Promise<Replay> {
  const oldest = Math.max(0, join.seq - policy.historyCount);
  const read = async (after: number, most: number) => {
    if (after >= join.seq || most === 0) return [];
    const range = { after, upTo: join.seq, most };
    const kept = await journal.history(destination, join.epoch, range);
    return kept.filter(({ at }) => at > now - policy.historySeconds * 1000);
  };
  switch (past?.from) {
    case undefined:
      return { recovered: false, messages: [] };
    case 'since': {
      const { epoch, seq } = past.position;
      const missed = join.seq - seq;
      if (epoch !== join.epoch || missed < 0 || seq < oldest || missed > limits.replayMax) {
        return { recovered: false, messages: [] };
      }
      const messages = await read(seq, limits.replayMax);
      return messages.length === missed
        ? { recovered: true, messages }
        : { recovered: false, messages: [] };
    }
    case 'last': {
      const messages = await read(Math.max(oldest, join.seq - past.count), past.count);
      return { recovered: false, messages };
    }
    case 'after': {
      const messages = await read(oldest, limits.replayMax);
      return { recovered: false, messages: messages.filter(({ at }) => at > past.at) };
    }
    default:
      throw past satisfies never;
  }
}

function parsePosition(text: string): Position {
  const [, epoch, digits] = /^([0-9a-z]{1,32}):(\d{1,15})$/.exec(text) ?? [];
  if (epoch === undefined) {
    throw malformed(
      `since:${text.slice(0, 40)} is no position`,
      'A position is epoch:seq, as RECEIPT and MESSAGE tell it: since:k3f9x:42.',
    );
  }
  return { epoch, seq: Number(digits) };
}

function parseLast(text: string, limits: Limits): Past {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (count < 0 || count > limits.replayMax) {
    throw malformed(
      `last:${text.slice(0, 40)} is no count`,
      `Ask for 0 to ${limits.replayMax} messages: last:10.`,
    );
  }
  return { from: 'last', count };
}

function parseAfter(text: string): Past {
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw malformed(
      `after:${text.slice(0, 40)} is no time`,
      'Write an ISO 8601 time with a zone: after:2026-11-24T09:30:00Z.',
    );
  }
  return { from: 'after', at };
}

function malformed(message: string, mend: string): BrokerError {
  return new BrokerError('header-malformed', message, mend);
}
