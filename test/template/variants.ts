/**
 * The assemblies that the suite puts to the test, each by what the CDK is told of it (`-c name=value`).
 * One more is one more entry here: its journeys stand in files of their own (journeys.ts lists them).
 */
import { DETOURS, type Detour } from './detours.ts';
import { HTTP_DETOURS } from './detours-http.ts';
import type { Mode } from './environment.ts';

export interface Variant {
  readonly name: string;
  readonly ingress: 'fifo' | 'direct';
  /** The context besides `ingress`. */
  readonly context: Readonly<Record<string, string>>;
  readonly modes: readonly Mode[];
  /** Only journeys for which this holds. @default all of them */
  readonly only?: (name: string) => boolean;
  /** Whether journeys of half a minute are travelled as well, in the first mode. */
  readonly slow?: boolean;
  /** Bad days that are travelled as well. */
  readonly detours?: readonly Detour[];
  /** Variants before it whose journeys use what this one's leave: grants are judged with all. */
  readonly beside?: readonly string[];
}

const byDoors = (name: string): boolean => / by the (?:function URL|front door)$/.test(name);

/** What is posted to sockets that live and that are gone, by each function that posts. */
const POSTED: readonly string[] = [
  'a message reaches its subscriber, with its headers and body',
  'DISCONNECT is answered with its RECEIPT and the end',
  'a subscriber that vanished costs the others nothing',
  'an audience divided among functions hears each message once, and its sender a RECEIPT',
  'all members of a room hear one sequence without a hole',
];

export const VARIANTS: readonly Variant[] = [
  { name: 'fifo', ingress: 'fifo', context: {}, modes: ['process', 'frozen'], detours: DETOURS },
  {
    name: 'direct',
    ingress: 'direct',
    context: {},
    modes: ['process', 'frozen'],
    detours: DETOURS,
  },
  {
    name: 'front-door',
    ingress: 'fifo',
    context: { cloudFront: 'true' },
    modes: ['frozen', 'process'],
    only: byDoors,
    slow: true,
    detours: HTTP_DETOURS,
    beside: ['fifo'],
  },
  {
    name: 'http-direct',
    ingress: 'direct',
    context: { http: 'true' },
    modes: ['process'],
    only: byDoors,
    detours: HTTP_DETOURS,
    beside: ['fifo', 'direct', 'front-door'],
  },
  {
    name: 'posting-sdk',
    ingress: 'fifo',
    context: { posting: 'sdk' },
    // What is loaded from beside a bundle has the environment of its process.
    modes: ['frozen'],
    only: (name) => POSTED.includes(name),
    beside: ['fifo'],
  },
];
