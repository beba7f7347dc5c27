/** What `-c key=value` asks of the broker's own stack. What is wrong with it is thrown in words. */
import { readSettingsFile } from './settings-file.ts';
import type { Ingress, StompBrokerProps } from './stomp-broker.ts';

export type Context = Readonly<Record<string, unknown>>;

const KEYS = [
  'ingress',
  'rules',
  'posting',
  'postsPerSecond',
  'inlinePosts',
  'http',
  'cloudFront',
] as const;
type Key = (typeof KEYS)[number];

export function propsOf(context: Context): StompBrokerProps {
  refuseMisspelt(context);
  const cloudFront = flag(context, 'cloudFront');
  return {
    ingress: ingress(context),
    ...settings(context),
    ...posting(context),
    ...count(context, 'postsPerSecond'),
    ...count(context, 'inlinePosts'),
    // Both APIs are behind the front door.
    http: flag(context, 'http') || cloudFront,
    cloudFront,
  };
}

/** Keys that nobody reads here. The CDK's own, and what it looks up, hold a `:`, a `/` or a `-`. */
export function unknownKeys(context: Context): readonly string[] {
  return Object.keys(context).filter((key) => /^\w+$/.test(key) && !isKey(key));
}

function isKey(key: string): key is Key {
  return KEYS.some((one) => one === key);
}

/** Deployed without what it was meant to be, a stack might stand open for months. */
function refuseMisspelt(context: Context): void {
  for (const key of unknownKeys(context)) {
    const meant = KEYS.find((one) => isNear(key.toLowerCase(), one.toLowerCase()));
    if (meant !== undefined) throw new Error(`-c ${key}=…: there is no such key. Is it ${meant}?`);
  }
}

/** One letter wrong, missing, too many, or two that changed places. */
function isNear(one: string, other: string): boolean {
  let from = 0;
  while (from < one.length && one[from] === other[from]) from++;
  const [rest, meant] = [one.slice(from), other.slice(from)];
  const swapped = `${rest[1] ?? ''}${rest[0] ?? ''}${rest.slice(2)}`;
  return (
    rest.slice(1) === meant.slice(1) ||
    rest.slice(1) === meant ||
    rest === meant.slice(1) ||
    swapped === meant
  );
}

function settings({ rules: file }: Context): ReturnType<typeof readSettingsFile> {
  if (file === '') throw new Error('-c rules=: it names no file');
  return file === undefined ? {} : readSettingsFile(String(file));
}

function posting({ posting: asked }: Context): Pick<StompBrokerProps, 'posting'> {
  if (asked === undefined) return {};
  if (asked === 'sdk' || asked === 'fast') return { posting: asked };
  throw new Error(`-c posting=${asked}: there are "sdk" and "fast"`);
}

/** `-c name=1000`; the construct says which numbers will do. */
function count(context: Context, name: 'postsPerSecond' | 'inlinePosts'): StompBrokerProps {
  const asked = context[name];
  if (asked === undefined) return {};
  const number = asked === '' ? Number.NaN : Number(asked);
  if (Number.isNaN(number)) throw new Error(`-c ${name}=${asked}: it is no number`);
  return { [name]: number };
}

function flag(context: Context, name: 'http' | 'cloudFront'): boolean {
  const asked = String(context[name] ?? 'false');
  if (asked === 'true' || asked === 'false') return asked === 'true';
  throw new Error(`-c ${name}=${asked}: there are "true" and "false"`);
}

function ingress({ ingress: asked = 'fifo' }: Context): Ingress {
  if (asked === 'fifo' || asked === 'direct') return asked;
  throw new Error(`-c ingress=${asked}: there are "fifo" and "direct"`);
}
