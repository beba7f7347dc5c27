/**
 * Who may do what, where. The operator's permissions name patterns of destinations, with claims of
 * whoever has connected in braces; resolved once, when somebody is recognised, they become grants
 * without braces, which ride in the connection's record: a SEND reads nothing to be allowed.
 *
 * A pattern subscription is allowed only if one grant covers every destination it could match.
 * Whether it does is decided exactly: a wildcard of the subscription is worth a name that no grant
 * mentions, which is the hardest for a grant to match.
 */
import type { Destination } from './destination.ts';
import type { Limits } from './limits.ts';
import { ACTIONS, type Action, type Grant } from './model.ts';

/** As the operator writes it. */
export interface Permission {
  /** `/room/{room}`, `/user/{sub}/**`, `/topic/orders.*`, or `/**` for every destination. */
  readonly pattern: string;
  readonly actions: readonly Action[];
  /** Default: users alone, whoever has shown a token or a key. */
  readonly for?: 'users' | 'anyone';
  /** Only for those whose claims have these values, or lists that hold them. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** What a token, a key or a hook says of somebody. */
export type Claims = Readonly<Record<string, unknown>>;

interface Place {
  /** Undefined: every kind. */
  readonly kind: string | undefined;
  readonly segments: readonly string[];
}

const KEYS: ReadonlySet<string> = new Set(['pattern', 'actions', 'for', 'claims']);
const KINDS: ReadonlySet<string> = new Set(['topic', 'room', 'queue', 'user', 'app']);
const CLAIM = /^\{([A-Za-z_][A-Za-z0-9_:-]*)\}$/;

/** Permissions as they come from JSON. Throws an Error that names the place, for the operator. */
export function parsePermissions(json: unknown): readonly Permission[] {
  if (!Array.isArray(json)) {
    throw new Error('permissions must be a list: [{"pattern": "/room/{room}", "actions": […]}]');
  }
  return json.map((value: unknown, index) => parsePermission(value, `permissions[${index}]`));
}

/** Grants as a token or a hook brings them. Throws as `parsePermissions` does. */
export function parseGrants(json: unknown, name: string): readonly Grant[] {
  if (!Array.isArray(json)) throw new Error(`${name} must be a list`);
  return json.map((value: unknown, index) => {
    const { pattern, actions } = parsePermission(value, `${name}[${index}]`);
    if (pattern.includes('{')) throw new Error(`${name}[${index}] must name no claim`);
    return { pattern, actions };
  });
}

function parsePermission(value: unknown, name: string): Permission {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${name} must be an object with a pattern and actions`);
  }
  const fields = new Map<string, unknown>(Object.entries(value));
  for (const key of fields.keys()) {
    if (!KEYS.has(key)) throw new Error(`${name} has an unknown key "${key}"; known: ${[...KEYS]}`);
  }
  const pattern = fields.get('pattern');
  if (typeof pattern !== 'string') throw new Error(`${name}.pattern must be a destination pattern`);
  if (placeOf(pattern) === undefined) {
    throw new Error(
      `${name}.pattern ${JSON.stringify(pattern)}: write /topic/…, /room/…, /queue/…, /user/…, /app/… or /**, without empty names; a claim in braces is a whole name`,
    );
  }
  const whom = fields.get('for');
  if (whom !== undefined && whom !== 'users' && whom !== 'anyone') {
    throw new Error(`${name}.for must be users or anyone`);
  }
  const claims = fields.get('claims');
  return {
    pattern,
    actions: parseTexts(fields.get('actions'), ACTIONS, `${name}.actions`),
    ...(whom === undefined ? {} : { for: whom }),
    ...(claims === undefined ? {} : { claims: parseClaims(claims, `${name}.claims`) }),
  };
}

/** One or more of these texts. */
export function parseTexts<Choice extends string>(
  value: unknown,
  choices: readonly Choice[],
  name: string,
): readonly Choice[] {
  const given: readonly unknown[] = Array.isArray(value) ? value : [];
  const found = given.flatMap((one) => choices.filter((choice) => choice === one));
  if (given.length > 0 && found.length === given.length) return found;
  throw new Error(`${name} must be a list of ${choices.join(', ')}`);
}

function parseClaims(value: unknown, name: string): Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${name} must be an object: {"role": "admin"}`);
  }
  return Object.fromEntries(
    Object.entries(value).map(([claim, wanted]: [string, unknown]) => {
      if (typeof wanted !== 'string') throw new Error(`${name}.${claim} must be a text`);
      return [claim, wanted];
    }),
  );
}

/**
 * What the permissions give to somebody with these claims. `{room}` takes the claim `room`, or else
 * `rooms`; each of its values makes a grant. A value that is no plain name gives nothing: a claim
 * can never become a wildcard or reach another level. Undefined: there would be more grants than a
 * record may hold.
 */
export function resolveGrants(
  permissions: readonly Permission[],
  { user, claims }: { readonly user?: string; readonly claims: Claims },
  { grantsMax }: Pick<Limits, 'grantsMax'>,
): readonly Grant[] | undefined {
  const known: Claims = user === undefined ? claims : { ...claims, user };
  const grants: Grant[] = [];
  for (const permission of permissions) {
    if (user === undefined && permission.for !== 'anyone') continue;
    if (!Object.entries(permission.claims ?? {}).every(([name, one]) => holds(known, name, one))) {
      continue;
    }
    const patterns = expand(permission.pattern, known, grantsMax - grants.length);
    if (patterns === undefined) return undefined;
    grants.push(...patterns.map((pattern) => ({ pattern, actions: permission.actions })));
  }
  return grants;
}

function holds(claims: Claims, name: string, wanted: string): boolean {
  return valuesOf(claims, name).includes(wanted);
}

function valuesOf(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.flatMap((one) =>
    typeof one === 'string' || typeof one === 'number' ? [String(one)] : [],
  );
}

/** Undefined: more than `most`. */
function expand(pattern: string, claims: Claims, most: number): readonly string[] | undefined {
  const place = placeOf(pattern);
  if (place === undefined) return [];
  const topic = place.kind === 'topic';
  let all: (readonly string[])[] = [[]];
  for (const segment of place.segments) {
    const [, name] = CLAIM.exec(segment) ?? [];
    const plural = name === undefined || Object.hasOwn(claims, name) ? name : `${name}s`;
    const choices =
      plural === undefined
        ? [segment]
        : valuesOf(claims, plural).filter((value) => isPlainName(value, topic));
    if (all.length * choices.length > most) return undefined;
    all = all.flatMap((begun) => choices.map((choice) => [...begun, choice]));
  }
  if (all.length > most) return undefined;
  return all.map((segments) => written({ kind: place.kind, segments }));
}

/** One name, in whatever place of a destination: no separator, no wildcard, no brace. */
function isPlainName(value: string, topic: boolean): boolean {
  if (value === '' || /[/*#>{}\p{Cc}]/u.test(value)) return false;
  return !(topic && value.includes('.'));
}

function written({ kind, segments }: Place): string {
  return `${kind === undefined ? '' : `/${kind}`}/${segments.join(kind === 'topic' ? '.' : '/')}`;
}

/** Undefined: it is no pattern of destinations. */
function placeOf(pattern: string): Place | undefined {
  if (pattern === '/**') return { kind: undefined, segments: ['**'] };
  const [, kind = '', rest = ''] = /^\/([a-z]+)\/(.+)$/s.exec(pattern) ?? [];
  if (!KINDS.has(kind)) return undefined;
  const names = rest.split(kind === 'topic' ? /[./]/ : '/');
  const segments = names.map((name, index) =>
    kind === 'topic' && (name === '#' || (name === '>' && index === names.length - 1))
      ? '**'
      : name,
  );
  const odd = segments.some((name) => name === '' || (/[{}]/.test(name) && !CLAIM.test(name)));
  return odd ? undefined : { kind, segments };
}

/** Grants made ready, and what they were asked before: a client sends to few destinations. */
interface Ready {
  readonly grants: readonly { readonly place: Place; readonly actions: readonly Action[] }[];
  /** By action, then by destination. */
  readonly known: Map<Action, Map<string, boolean>>;
}

const READY = new WeakMap<readonly Grant[], Ready>();
/** Answers remembered for one holder and action: random destinations must fill no memory. */
const REMEMBERED_MAX = 100;

/** True if one of the grants allows this action on every destination that `wanted` names. */
export function allows(grants: readonly Grant[], action: Action, wanted: Destination): boolean {
  const ready = readyOf(grants);
  let known = ready.known.get(action);
  if (known === undefined) {
    known = new Map();
    ready.known.set(action, known);
  }
  const before = known.get(wanted.canonical);
  if (before !== undefined) return before;
  const allowed = ready.grants.some(
    ({ place, actions }) => actions.includes(action) && covers(place, wanted),
  );
  if (known.size < REMEMBERED_MAX) known.set(wanted.canonical, allowed);
  return allowed;
}

/** Whether it can be read as a pattern of destinations. */
export function isPattern(text: string): boolean {
  return placeOf(text) !== undefined;
}

/** Whether a pattern of the operator's is about this destination; a pattern of one's, perhaps. */
export function concerns(pattern: string, destination: Destination): boolean {
  const place = placeOf(pattern);
  if (place === undefined) return false;
  if (destination.pattern) return place.kind === undefined || place.kind === destination.kind;
  return covers(place, destination);
}

function readyOf(grants: readonly Grant[]): Ready {
  const there = READY.get(grants);
  if (there !== undefined) return there;
  const parsed = grants.flatMap(({ pattern, actions }) => {
    const place = placeOf(pattern);
    return place === undefined ? [] : [{ place, actions }];
  });
  const made = { grants: parsed, known: new Map<Action, Map<string, boolean>>() };
  READY.set(grants, made);
  return made;
}

function covers({ kind, segments }: Place, wanted: Destination): boolean {
  if (kind === undefined) return true;
  if (kind !== wanted.kind) return false;
  const asked = wanted.pattern ? wanted.segments : wanted.segments.map((name) => ({ name }));
  return coversAll(segments, asked);
}

/** `*` and `**` as texts are wildcards; `{name}` is that very name. */
type Asked = string | { readonly name: string };

/**
 * Whether every word of the language `asked` is one of `granted`. `asked` is walked with the set of
 * places that `granted` may have reached, each `**` as a loop of its own. A word has a name at least:
 * no destination is empty.
 */
function coversAll(granted: readonly string[], asked: readonly Asked[]): boolean {
  const seen = new Set<string>();
  const visit = (at: number, reached: ReadonlySet<number>, some: boolean): boolean => {
    const key = `${at}:${some}:${[...reached].sort((a, b) => a - b)}`;
    if (seen.has(key)) return true;
    seen.add(key);
    if (reached.size === 0) return false;
    if (at === asked.length) return !some || reached.has(granted.length);
    const part = asked[at] ?? '';
    if (part === '**') {
      return visit(at + 1, reached, some) && visit(at, step(granted, reached, undefined), true);
    }
    const name = part === '*' ? undefined : typeof part === 'string' ? part : part.name;
    return visit(at + 1, step(granted, reached, name), true);
  };
  return visit(0, closed(granted, [0]), false);
}

/** After one more name; undefined: one that no grant mentions. */
function step(
  granted: readonly string[],
  reached: ReadonlySet<number>,
  name: string | undefined,
): ReadonlySet<number> {
  const next = [...reached].flatMap((at) => {
    const part = granted[at];
    if (part === '**') return [at];
    return part === '*' || (part !== undefined && part === name) ? [at + 1] : [];
  });
  return closed(granted, next);
}

/** A `**` may be nothing at all. */
function closed(granted: readonly string[], places: readonly number[]): ReadonlySet<number> {
  const all = new Set(places);
  for (const at of all) if (granted[at] === '**') all.add(at + 1);
  return all;
}
