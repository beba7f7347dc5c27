/**
 * Audiences as finished arrays in this process's memory, over a folder that others write to as
 * well. One number in the folder grows with every change of any audience: while it stands, an
 * answer given before is still right, and a publish costs one read of a number. When it has moved,
 * the version of each place that feeds the answer is read, and only what changed is read again.
 */
import { type Destination, matches, prefixesOf } from '../../broker/destination.ts';
import type { Subscriber } from '../../broker/model.ts';
import { beginningWith, CHANGES, type Tables } from './tables.ts';

/** Arrays kept per kind, the oldest dropped first: memory is bounded, and a miss is only a read. */
const SNAPSHOTS_MAX = 10_000;

type Part = readonly Subscriber[];

interface Snapshot {
  readonly version: number;
  /** When the first of its subscribers expires, and with it the snapshot. */
  readonly earliest: number;
}

interface Exact extends Snapshot {
  readonly subscribers: Part;
}

/** All patterns that hang on one literal prefix. */
interface Hanging extends Snapshot {
  readonly patterns: readonly { readonly rest: readonly string[]; readonly subscribers: Part }[];
}

interface Answer {
  /** Of all changes, when this was right. */
  readonly changes: number;
  readonly earliest: number;
  readonly parts: readonly Part[];
  readonly whole: Part;
}

const NOBODY: Exact = { version: 0, earliest: Number.POSITIVE_INFINITY, subscribers: [] };
const NO_PATTERNS: Hanging = { version: 0, earliest: Number.POSITIVE_INFINITY, patterns: [] };

export type ReadAudience = (destination: Destination, now: number) => Part;

/** The very same array until something changes; not to be written to. */
export function readAudiences(tables: Tables): ReadAudience {
  const answers = new Map<string, Answer>();
  const exact = new Map<string, Exact>();
  const hanging = new Map<string, Hanging>();

  function exactOf(canonical: string, now: number): Exact {
    const version = tables.versions.get(['D', canonical]);
    if (version === undefined) return NOBODY;
    const last = exact.get(canonical);
    if (last?.version === version && now < last.earliest) return last;
    return remember(exact, canonical, readExact(tables, { canonical, version, now }));
  }

  function hangingOn(prefix: string, now: number): Hanging {
    const version = tables.versions.get(['P', prefix]);
    if (version === undefined) return NO_PATTERNS;
    const last = hanging.get(prefix);
    if (last?.version === version && now < last.earliest) return last;
    return remember(hanging, prefix, readHanging(tables, { prefix, version, now }));
  }

  function read(destination: Destination, now: number): Omit<Answer, 'changes' | 'whole'> {
    const named = exactOf(destination.canonical, now);
    const parts: Part[] = named.subscribers.length > 0 ? [named.subscribers] : [];
    let earliest = named.earliest;
    if (destination.kind !== 'topic') return { parts, earliest };
    for (const [depth, prefix] of prefixesOf(destination.segments).entries()) {
      const hung = hangingOn(prefix, now);
      earliest = Math.min(earliest, hung.earliest);
      if (hung.patterns.length === 0) continue;
      const segments = destination.segments.slice(depth);
      for (const { rest, subscribers } of hung.patterns) {
        if (matches(rest, segments)) parts.push(subscribers);
      }
    }
    return { parts, earliest };
  }

  return (destination, now) => {
    tables.root.resetReadTxn();
    const changes = tables.versions.get(CHANGES) ?? 0;
    const last = answers.get(destination.canonical);
    if (last?.changes === changes && now < last.earliest) return last.whole;
    const { parts, earliest } = read(destination, now);
    const whole = last !== undefined && same(last.parts, parts) ? last.whole : join(parts);
    remember(answers, destination.canonical, { changes, earliest, parts, whole });
    return whole;
  };
}

interface Wanted {
  readonly version: number;
  readonly now: number;
}

function readExact(tables: Tables, wanted: Wanted & { readonly canonical: string }): Exact {
  const subscribers: Subscriber[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  for (const { value } of tables.exact.getRange(beginningWith(wanted.canonical))) {
    if (value.expiresAt <= wanted.now) continue;
    subscribers.push(value);
    earliest = Math.min(earliest, value.expiresAt);
  }
  return { version: wanted.version, earliest, subscribers };
}

function readHanging(tables: Tables, wanted: Wanted & { readonly prefix: string }): Hanging {
  const patterns = new Map<string, Subscriber[]>();
  let earliest = Number.POSITIVE_INFINITY;
  for (const { key, value } of tables.patterns.getRange(beginningWith(wanted.prefix))) {
    if (value.expiresAt <= wanted.now) continue;
    const rest = key[1] ?? '';
    const subscribers = patterns.get(rest);
    if (subscribers === undefined) patterns.set(rest, [value]);
    else subscribers.push(value);
    earliest = Math.min(earliest, value.expiresAt);
  }
  return {
    version: wanted.version,
    earliest,
    patterns: Array.from(patterns, ([rest, subscribers]) => ({
      rest: rest.split('.'),
      subscribers,
    })),
  };
}

function remember<T>(kept: Map<string, T>, key: string, value: T): T {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > SNAPSHOTS_MAX) {
    for (const oldest of kept.keys()) {
      kept.delete(oldest);
      break;
    }
  }
  return value;
}

function same(some: readonly Part[], others: readonly Part[]): boolean {
  return some.length === others.length && some.every((part, at) => part === others[at]);
}

function join(parts: readonly Part[]): Part {
  const [only = NOBODY.subscribers] = parts;
  return parts.length > 1 ? parts.flat() : only;
}
