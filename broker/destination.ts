/**
 * Destinations: `/topic/a.b`, `/topic/a/b`, patterns `*` and `**`. A text is parsed once, where it
 * comes in, and made canonical: under `/topic` both `.` and `/` separate, elsewhere a name is one
 * segment. RabbitMQ's `#` and ActiveMQ's trailing `>` mean `**`.
 */
import { BrokerError } from './errors.ts';
import type { Limits } from './limits.ts';

export type DestinationKind =
  | 'topic'
  | 'room'
  | 'queue'
  | 'user'
  | 'app'
  | 'temp-queue'
  | 'presence';

export interface Destination {
  readonly kind: DestinationKind;
  /** One spelling per place: two texts of one canonical form are the same destination. */
  readonly canonical: string;
  readonly segments: readonly string[];
  /** True if a segment is `*` or `**`. */
  readonly pattern: boolean;
}

const KINDS: ReadonlySet<string> = new Set([
  'topic',
  'room',
  'queue',
  'user',
  'app',
  'temp-queue',
  'presence',
]);

/** What people bring from other brokers, and the nearest thing here. */
const FOREIGN: readonly (readonly [prefix: string, nearest: string])[] = [
  ['/exchange/', '/topic/… with patterns * and **'],
  ['/amq/queue/', '/queue/…'],
];

const known = new Map<string, Destination>();
let knownLimits: Limits | undefined;
/** All are forgotten then: few enough that they are young still when they are thrown away. */
const KNOWN_MAX = 128;

/**
 * Parses a destination or pattern. Throws `destination-invalid` with the rule that was broken. What
 * has been parsed lately is remembered: the next message mostly goes where others went.
 */
export function parseDestination(text: string, limits: Limits): Destination {
  if (limits !== knownLimits || known.size >= KNOWN_MAX) {
    known.clear();
    knownLimits = limits;
  }
  const found = known.get(text);
  if (found !== undefined) return found;
  // A copy, for a text cut out of a frame keeps the whole of it. Half a surrogate pair has none.
  const own = Buffer.from(text).toString();
  const parsed = parse(own === text ? own : text, limits);
  if (own === text) known.set(own, parsed);
  return parsed;
}

function parse(text: string, limits: Limits): Destination {
  if (Buffer.byteLength(text) > limits.destinationBytesMax) {
    throw invalid(
      'The destination is too long',
      `Use at most ${limits.destinationBytesMax} octets of UTF-8.`,
    );
  }
  for (const [prefix, nearest] of FOREIGN) {
    if (text.startsWith(prefix)) {
      throw invalid(`${prefix} is not served here`, `The nearest is ${nearest}.`);
    }
  }
  const slash = text.indexOf('/', 1);
  const kind = text.slice(1, slash < 0 ? undefined : slash);
  if (!text.startsWith('/') || !isKind(kind)) {
    throw invalid(
      `There is no destination ${quote(text)}`,
      'Destinations begin with /topic/, /room/, /queue/, /user/ or /app/; try /topic/greetings.',
    );
  }
  const rest = slash < 0 ? '' : text.slice(slash + 1);
  const segments = kind === 'topic' ? rest.split(/[./]/) : rest.split('/');
  if (segments.some((segment) => segment === '')) {
    throw invalid(
      `${quote(text)} has an empty segment`,
      'Separate names by one . or /, with something between them: /topic/orders.eu.new.',
    );
  }
  if (segments.length > limits.destinationSegmentsMax) {
    throw invalid(
      'The destination has too many segments',
      `Use at most ${limits.destinationSegmentsMax}.`,
    );
  }
  if (kind === 'topic') return topic(segments);
  if (kind === 'room' || kind === 'presence') assertRoom(kind, text, segments);
  return { kind, canonical: text, segments, pattern: false };
}

/** A room's name is one segment, and never a pattern: a room has one log. */
function assertRoom(kind: string, text: string, segments: readonly string[]): void {
  const named = kind === 'room' ? segments : segments.slice(1);
  const inPlace = kind === 'room' || segments[0] === 'room';
  if (inPlace && named.length === 1 && !named.some(isWild)) return;
  throw invalid(
    `${quote(text)} names no room`,
    'A room is /room/ and one name without /, * or **: /room/kitchen; its presence is /presence/room/kitchen.',
  );
}

/**
 * The same, for a place to send to: a `*` or `**` segment is refused, since a message has exactly
 * one destination.
 */
export function parseTarget(text: string, limits: Limits): Destination {
  const destination = parseDestination(text, limits);
  if (destination.pattern) {
    throw invalid(
      `Cannot send to the pattern ${quote(text)}`,
      'Patterns are for SUBSCRIBE; name one destination in SEND.',
    );
  }
  return destination;
}

/** Segments before the first wildcard, joined: where a pattern hangs in the store. */
export function literalPrefix(segments: readonly string[]): string {
  const wild = segments.findIndex(isWild);
  return segments.slice(0, wild < 0 ? segments.length : wild).join('.');
}

/**
 * Every literal prefix that a pattern matching `segments` can hang on, shortest first: depth + 1 of
 * them, since `a.**` matches `a` itself.
 */
export function prefixesOf(segments: readonly string[]): readonly string[] {
  return [...segments.keys(), segments.length].map((depth) => segments.slice(0, depth).join('.'));
}

/** `*` is exactly one segment, `**` any number, none included. */
export function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return matchFrom(pattern, 0, segments, 0);
}

function matchFrom(
  pattern: readonly string[],
  at: number,
  segments: readonly string[],
  from: number,
): boolean {
  if (at === pattern.length) return from === segments.length;
  const part = pattern[at];
  if (part === '**') {
    for (let rest = from; rest <= segments.length; rest++) {
      if (matchFrom(pattern, at + 1, segments, rest)) return true;
    }
    return false;
  }
  if (from === segments.length || (part !== '*' && part !== segments[from])) return false;
  return matchFrom(pattern, at + 1, segments, from + 1);
}

function topic(spelt: readonly string[]): Destination {
  const last = spelt.length - 1;
  const segments = spelt.map((segment, index) =>
    segment === '#' || (segment === '>' && index === last) ? '**' : segment,
  );
  return {
    kind: 'topic',
    canonical: `/topic/${segments.join('.')}`,
    segments,
    pattern: segments.some(isWild),
  };
}

function isWild(segment: string): boolean {
  return segment === '*' || segment === '**';
}

function isKind(text: string): text is DestinationKind {
  return KINDS.has(text);
}

function invalid(message: string, mend: string): BrokerError {
  return new BrokerError('destination-invalid', message, mend);
}

/** A client's own text in a message to it: short, on one line. */
function quote(text: string): string {
  const clean = text.replace(/\p{Cc}/gu, '?');
  return clean.length > 40 ? `${clean.slice(0, 39)}…` : clean;
}
