/**
 * The operator's rules: what holds for destinations of a pattern. One parser for both homes; the
 * first rule that matches counts, what it leaves out is the default of the destination's kind.
 */
import { type Destination, matches, parseDestination } from './destination.ts';
import { BrokerError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** As the operator writes it. Times are strings with a unit: `"50ms"`, `"30s"`, `"2h"`, `"7d"`. */
export interface Rule {
  /** `/topic/orders.**`, `/room/*`: the pattern language of SUBSCRIBE. */
  readonly pattern: string;
  /** `logged`: ordered, with history and resume. Default: rooms logged, topics direct. */
  readonly lane?: 'direct' | 'logged';
  /** What is kept of a logged destination. Default: 1,000 messages, 24 h. */
  readonly history?: { readonly count?: number; readonly age?: string };
  /**
   * Logged lane only: what comes within this time leaves in one post per connection. It delays by at
   * most so much, and saves the gateway's fee for each post. Default: 0, off.
   */
  readonly coalesce?: string;
  /** What all who send to one such destination may send together. Default: no bound. */
  readonly limits?: DestinationLimits;
  /**
   * Direct lane: what becomes of messages for a connection whose buffer is full. `drop-oldest`: they
   * wait, and beyond a bound the oldest go. `keep-last`: of those that wait the last of each key
   * alone, its destination or a header's value. `disconnect`: the connection is cut. The logged lane
   * disconnects: its clients resume. Default: drop-oldest.
   */
  readonly slow?: SlowRule;
  /** Who may send: anyone, or only connections subscribed to it. Default: anyone. */
  readonly publish?: 'anyone' | 'members';
}

/** Bounds of one destination, whoever sends to it. */
export interface DestinationLimits {
  readonly messagesPerSecond?: number;
  /** Octets of bodies. */
  readonly bytesPerSecond?: number;
  /** Of a queue: messages it holds, those under way to consumers included. */
  readonly depth?: number;
}

const LIMIT_KEYS = ['messagesPerSecond', 'bytesPerSecond', 'depth'] as const;

export type SlowRule = 'drop-oldest' | 'keep-last' | 'disconnect' | { readonly keepLast: string };

/** What becomes of messages for a connection that does not take them. */
export interface SlowPolicy {
  readonly policy: 'drop-oldest' | 'keep-last' | 'disconnect';
  /** Of `keep-last`: the header whose value is the key; absent, the destination is. */
  readonly header?: string;
}

/** What holds for one destination. */
export interface Policy {
  readonly logged: boolean;
  readonly historyCount: number;
  readonly historySeconds: number;
  readonly coalesceMilliseconds: number;
  readonly publish: 'anyone' | 'members';
  readonly slow: SlowPolicy;
  readonly limits?: DestinationLimits;
}

export type Policies = (destination: Destination) => Policy;

interface ParsedRule {
  readonly kind: string;
  readonly segments: readonly string[];
  readonly rule: Rule;
}

const KEYS: ReadonlySet<string> = new Set([
  'pattern',
  'lane',
  'history',
  'coalesce',
  'limits',
  'publish',
  'slow',
]);
/** These kinds have a log whatever a rule says. */
const ALWAYS_LOGGED: ReadonlySet<string> = new Set(['room', 'queue']);
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Throws an Error that names the rule and the key, in words for the operator. */
export function makePolicies(rules: readonly Rule[]): Policies {
  const parsed = rules.map(parseRule);
  return (destination) => {
    const found = parsed.find(
      ({ kind, segments }) => kind === destination.kind && matches(segments, destination.segments),
    );
    return policy(destination, found?.rule);
  };
}

/** Rules as they come from JSON, checked. Throws as `makePolicies` does. */
export function parseRules(json: unknown): readonly Rule[] {
  if (!Array.isArray(json)) throw new Error('rules must be a list: [{"pattern": "/room/*", …}]');
  return json.map((value, index) => checkRule(value, `rules[${index}]`));
}

/** Milliseconds of `"50ms"`, `"30s"`, `"5m"`, `"2h"`, `"7d"`; undefined if it is no such text. */
export function parseTime(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  const factor = unit === undefined ? undefined : UNITS[unit];
  return factor === undefined ? undefined : Number(amount) * factor;
}

function policy(destination: Destination, rule: Rule | undefined): Policy {
  const logged = ALWAYS_LOGGED.has(destination.kind) || (rule?.lane ?? 'direct') === 'logged';
  const age = rule?.history?.age === undefined ? undefined : parseTime(rule.history.age);
  return {
    logged,
    historyCount: rule?.history?.count ?? LIMITS.historyCountDefault,
    historySeconds: age === undefined ? LIMITS.historySecondsDefault : Math.ceil(age / 1000),
    coalesceMilliseconds: rule?.coalesce === undefined ? 0 : (parseTime(rule.coalesce) ?? 0),
    publish: rule?.publish ?? 'anyone',
    slow: logged ? { policy: 'disconnect' } : slowPolicy(rule?.slow),
    ...(rule?.limits === undefined ? {} : { limits: rule.limits }),
  };
}

function slowPolicy(rule: SlowRule = 'drop-oldest'): SlowPolicy {
  return typeof rule === 'string'
    ? { policy: rule }
    : { policy: 'keep-last', header: rule.keepLast };
}

function parseRule(rule: Rule, index: number): ParsedRule {
  try {
    const { kind, segments } = parsePattern(rule.pattern);
    if (ALWAYS_LOGGED.has(kind) && rule.lane === 'direct') {
      throw new Error('rooms and queues are always logged');
    }
    const logged = ALWAYS_LOGGED.has(kind) || rule.lane === 'logged';
    if (logged && rule.slow !== undefined && rule.slow !== 'disconnect') {
      throw new Error('what is logged has no holes: slow must be disconnect, and clients resume');
    }
    if (rule.limits?.depth !== undefined && kind !== 'queue') {
      throw new Error('limits.depth is of queues alone: elsewhere nothing waits for a consumer');
    }
    return { kind, segments, rule };
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    const why = cause instanceof BrokerError ? `${said}. ${cause.mend}` : said;
    throw new Error(`rules[${index}].pattern ${JSON.stringify(rule.pattern)}: ${why}`, { cause });
  }
}

/** As in SUBSCRIBE, and besides a `*` for the name of a room or a queue. */
function parsePattern(text: string): Pick<Destination, 'kind' | 'segments'> {
  if (text === '/room/*') return { kind: 'room', segments: ['*'] };
  if (text === '/queue/*') return { kind: 'queue', segments: ['*'] };
  return parseDestination(text, LIMITS);
}

function checkRule(value: unknown, name: string): Rule {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${name} must be an object with a pattern`);
  }
  const fields = new Map(Object.entries(value));
  for (const key of fields.keys()) {
    if (!KEYS.has(key))
      throw new Error(`${name} has an unknown key "${key}"; known: ${[...KEYS].join(', ')}`);
  }
  const pattern = fields.get('pattern');
  if (typeof pattern !== 'string') throw new Error(`${name}.pattern must be a destination pattern`);
  const lane = oneOf(fields.get('lane'), ['direct', 'logged'] as const, `${name}.lane`);
  const publish = oneOf(fields.get('publish'), ['anyone', 'members'] as const, `${name}.publish`);
  const coalesce = checkCoalesce(fields.get('coalesce'), `${name}.coalesce`);
  const asked = fields.get('limits');
  const limits = asked === undefined ? undefined : countsOf(asked, `${name}.limits`, LIMIT_KEYS);
  const history = checkHistory(fields.get('history'), `${name}.history`);
  const slow = checkSlow(fields.get('slow'), `${name}.slow`);
  return {
    pattern,
    ...(lane === undefined ? {} : { lane }),
    ...(publish === undefined ? {} : { publish }),
    ...(history === undefined ? {} : { history }),
    ...(coalesce === undefined ? {} : { coalesce }),
    ...(slow === undefined ? {} : { slow }),
    ...(limits === undefined ? {} : { limits }),
  };
}

const SLOW = ['drop-oldest', 'keep-last', 'disconnect'] as const;

function checkSlow(value: unknown, name: string): SlowRule | undefined {
  const word = SLOW.find((one) => one === value);
  if (value === undefined || word !== undefined) return word;
  const { keepLast, ...others }: { keepLast?: unknown } = Object(value);
  if (typeof keepLast !== 'string' || keepLast === '' || Object.keys(others).length > 0) {
    throw new Error(`${name} must be one of ${SLOW.join(', ')}, or {"keepLast": "a header"}`);
  }
  return { keepLast };
}

function checkCoalesce(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  const time = typeof value === 'string' ? parseTime(value) : undefined;
  if (time === undefined || time > LIMITS.coalesceMillisecondsMax || typeof value !== 'string') {
    throw new Error(`${name} must be a time up to ${LIMITS.coalesceMillisecondsMax} ms: "50ms"`);
  }
  return value;
}

function checkHistory(value: unknown, name: string): Rule['history'] {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) throw new Error(`${name} must be an object`);
  const { count, age, ...others }: { count?: unknown; age?: unknown } = value;
  if (Object.keys(others).length > 0) {
    throw new Error(`${name} has an unknown key "${Object.keys(others)[0]}"; known: count, age`);
  }
  if (count !== undefined && !isCount(count)) {
    throw new Error(`${name}.count must be a whole number from 0 to ${LIMITS.historyCountMax}`);
  }
  if (age !== undefined && (typeof age !== 'string' || parseTime(age) === undefined)) {
    throw new Error(`${name}.age must be a time with a unit, "30s" or "24h"`);
  }
  return {
    ...(count === undefined ? {} : { count }),
    ...(age === undefined ? {} : { age }),
  };
}

/** Whole numbers from 1, of these keys. Throws in words for the operator. */
export function countsOf<Key extends string>(
  json: unknown,
  name: string,
  known: readonly Key[],
): { readonly [key in Key]?: number } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error(`${name} must be an object with ${known.join(', ')}`);
  }
  const counts: { [key in Key]?: number } = {};
  for (const [key, value] of Object.entries(json)) {
    const one = known.find((each) => each === key);
    if (one === undefined) {
      throw new Error(`${name} has an unknown key "${key}"; known: ${known.join(', ')}`);
    }
    if (!Number.isInteger(value) || Number(value) < 1) {
      throw new Error(`${name}.${key} must be a whole number from 1`);
    }
    counts[one] = Number(value);
  }
  return counts;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= LIMITS.historyCountMax;
}

function oneOf<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
  name: string,
): Choice | undefined {
  if (value === undefined) return undefined;
  const choice = choices.find((one) => one === value);
  if (choice === undefined) throw new Error(`${name} must be one of ${choices.join(', ')}`);
  return choice;
}
