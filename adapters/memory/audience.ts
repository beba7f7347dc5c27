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
  readonly entries: Set<Entry>;
  readonly segments: readonly string[];
  /** Dropped on every change of `entries`. */
  snapshot: readonly Subscriber[] | undefined;
  /** When the first of the snapshot expires. */
  earliest: number;
  /** The last answer that joined patterns to this, and what it was joined from. */
  joined: Joined | undefined;
}

interface Joined {
  readonly parts: readonly (readonly Subscriber[])[];
  readonly whole: readonly Subscriber[];
}

export interface Audiences {
  add(entry: Entry): void;
  remove(entry: Entry): void;
  /** The very same array until something changes; not to be written to. */
  of(destination: Destination, now: number): readonly Subscriber[];
}

const NOBODY: readonly Subscriber[] = Object.freeze([]);

export function makeAudiences(): Audiences {
  const exact = new Map<string, Audience>();
  const patterns = new Map<string, Map<string, Audience>>();

  /** Snapshots of every pattern that matches. */
  function matching({ segments }: Destination, now: number): (readonly Subscriber[])[] {
    const parts: (readonly Subscriber[])[] = [];
    for (const prefix of prefixesOf(segments)) {
      for (const audience of patterns.get(prefix)?.values() ?? []) {
        if (!matches(audience.segments, segments)) continue;
        const part = snapshotOf(audience, now);
        if (part.length > 0) parts.push(part);
      }
    }
    return parts;
  }

  return {
    add(entry) {
      const { canonical, pattern, segments } = entry.destination;
      const place = pattern ? made(patterns, literalPrefix(segments), () => new Map()) : exact;
      const audience = made(place, canonical, () => emptyAudience(segments));
      audience.entries.add(entry);
      audience.snapshot = undefined;
    },

    remove(entry) {
      const { canonical, pattern, segments } = entry.destination;
      const place = pattern ? patterns.get(literalPrefix(segments)) : exact;
      const audience = place?.get(canonical);
      if (place === undefined || audience === undefined) return;
      audience.entries.delete(entry);
      audience.snapshot = undefined;
      if (audience.entries.size > 0) return;
      place.delete(canonical);
      if (pattern && place.size === 0) patterns.delete(literalPrefix(segments));
    },

    of(destination, now) {
      const audience = exact.get(destination.canonical);
      const named = audience === undefined ? NOBODY : snapshotOf(audience, now);
      if (patterns.size === 0 || destination.kind !== 'topic') return named;
      const parts = matching(destination, now);
      if (parts.length === 0) return named;
      if (named.length > 0) parts.unshift(named);
      if (parts.length === 1) return parts[0] ?? NOBODY;
      return join(parts, audience);
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

function emptyAudience(segments: readonly string[]): Audience {
  return { entries: new Set(), segments, snapshot: undefined, earliest: 0, joined: undefined };
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
function join(
  parts: readonly (readonly Subscriber[])[],
  audience: Audience | undefined,
): readonly Subscriber[] {
  const last = audience?.joined;
  if (last?.parts.length === parts.length && last.parts.every((part, at) => part === parts[at])) {
    return last.whole;
  }
  const whole = parts.flat();
  if (audience !== undefined) audience.joined = { parts, whole };
  return whole;
}
