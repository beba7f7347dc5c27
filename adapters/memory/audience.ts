/**
 * Who hears what, in memory: exact subscribers by canonical destination, patterns by the literal
 * prefix they hang on. What a publish reads is a finished array, made again only after a change or
 * an expiry, so its cost is a look-up per level of the destination, whatever others subscribe to.
 */
import { type Destination, literalPrefix, matches, prefixesOf } from '../../broker/destination.ts';
import type { Subscriber } from '../../broker/model.ts';

export interface Entry {
  readonly destination: Destination;
  readonly subscriber: Subscriber;
}

interface Audience {
  readonly destination: Destination;
  readonly entries: Set<Entry>;
  /** Dropped on every change of `entries`. */
  snapshot: readonly Subscriber[] | undefined;
  /** When the first of the snapshot expires. */
  earliest: number;
  /** The last answer that looked for patterns as well. */
  answer: Answer | undefined;
}

interface Answer {
  /** How often patterns had changed when this was right. */
  readonly changes: number;
  /** When one of its subscribers expires, or later. */
  readonly earliest: number;
  /** The exact subscribers, then those of each pattern: if these are the same, so is the whole. */
  readonly parts: readonly (readonly Subscriber[])[];
  readonly whole: readonly Subscriber[];
}

export interface Audiences {
  add(entry: Entry): void;
  /** The same destination, as those have it who are there already: a thousand need not keep it each. */
  named(destination: Destination): Destination;
  /** False: it was in none. */
  remove(entry: Entry): boolean;
  /** The very same array until something changes; not to be written to. */
  of(destination: Destination, now: number): readonly Subscriber[];
}

const NOBODY: readonly Subscriber[] = Object.freeze([]);

export function makeAudiences(): Audiences {
  const exact = new Map<string, Audience>();
  const patterns = new Map<string, Map<string, Audience>>();

  /** Every change of a pattern's audience counts here. */
  let changes = 0;

  function changed(audience: Audience, pattern: boolean): void {
    audience.snapshot = undefined;
    audience.answer = undefined;
    if (pattern) changes += 1;
  }

  function answer(destination: Destination, named: Audience | undefined, now: number): Answer {
    const parts: (readonly Subscriber[])[] = [];
    let earliest = Number.POSITIVE_INFINITY;
    for (const audience of [...(named ? [named] : []), ...matching(destination)]) {
      const part = snapshotOf(audience, now);
      if (part.length > 0) parts.push(part);
      if (audience.earliest < earliest) earliest = audience.earliest;
    }
    const last = named?.answer;
    const whole = last !== undefined && same(last.parts, parts) ? last.whole : join(parts);
    return { changes, earliest, parts, whole };
  }

  function* matching({ segments }: Destination): Iterable<Audience> {
    for (const prefix of prefixesOf(segments)) {
      for (const audience of patterns.get(prefix)?.values() ?? []) {
        if (matches(audience.destination.segments, segments)) yield audience;
      }
    }
  }

  return {
    add(entry) {
      const { canonical, pattern, segments } = entry.destination;
      const place = pattern ? made(patterns, literalPrefix(segments), () => new Map()) : exact;
      const audience = made(place, canonical, () => emptyAudience(entry.destination));
      audience.entries.add(entry);
      changed(audience, pattern);
    },

    named(destination) {
      return exact.get(destination.canonical)?.destination ?? destination;
    },

    remove(entry) {
      const { canonical, pattern, segments } = entry.destination;
      const place = pattern ? patterns.get(literalPrefix(segments)) : exact;
      const audience = place?.get(canonical);
      if (place === undefined || audience === undefined) return false;
      const was = audience.entries.delete(entry);
      changed(audience, pattern);
      if (audience.entries.size > 0) return was;
      place.delete(canonical);
      if (pattern && place.size === 0) patterns.delete(literalPrefix(segments));
      return was;
    },

    of(destination, now) {
      const named = exact.get(destination.canonical);
      if (patterns.size === 0 || destination.kind !== 'topic') {
        return named === undefined ? NOBODY : snapshotOf(named, now);
      }
      const last = named?.answer;
      if (last?.changes === changes && now < last.earliest) return last.whole;
      const fresh = answer(destination, named, now);
      if (named !== undefined) named.answer = fresh;
      return fresh.whole;
    },
  };
}

function made<T>(map: Map<string, T>, key: string, make: () => T): T {
  const there = map.get(key);
  if (there !== undefined) return there;
  const fresh = make();
  map.set(key, fresh);
  return fresh;
}

function emptyAudience(destination: Destination): Audience {
  return { destination, entries: new Set(), snapshot: undefined, earliest: 0, answer: undefined };
}

function snapshotOf(audience: Audience, now: number): readonly Subscriber[] {
  if (audience.snapshot !== undefined && now < audience.earliest) return audience.snapshot;
  const live: Subscriber[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  for (const { subscriber } of audience.entries) {
    if (subscriber.expiresAt <= now) continue;
    live.push(subscriber);
    if (subscriber.expiresAt < earliest) earliest = subscriber.expiresAt;
  }
  audience.snapshot = live;
  audience.earliest = earliest;
  return live;
}

/** Snapshots are never changed once made, so the same parts have the same whole. */
function same(some: Answer['parts'], others: Answer['parts']): boolean {
  return some.length === others.length && some.every((part, at) => part === others[at]);
}

function join(parts: Answer['parts']): readonly Subscriber[] {
  const [only = NOBODY] = parts;
  return parts.length > 1 ? parts.flat() : only;
}
