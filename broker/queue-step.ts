import type { Destination } from './destination.ts';
import type { ConsumerOptions, Membership, Message } from './model.ts';
import type { Logs, Ports } from './ports.ts';
import type { Consumer, Item, Lease, Meta } from './queue-cells.ts';
import type { QueueLooks } from './queue-looks.ts';
import type { Scene } from './scene.ts';

/** What a queue's deliverer works with. */
export interface QueueStep {
  readonly destination: Destination;
  readonly shelf: QueueShelf;
  readonly scene: Scene;
  readonly ports: Ports;
  readonly logs: Logs;
  /** Of the last record under way: leases bear it. */
  readonly revision: number;
}

/** One queue's shelf during one run of its deliverer: `queue-shelf.ts`. */
export interface QueueShelf {
  readonly consumers: ReadonlyMap<string, Consumer>;
  /** By place. */
  readonly leases: ReadonlyMap<string, Lease>;
  meta(): Meta;
  /** A log's epoch: a new one begins a new generation of items. */
  enter(epoch: string): void;
  add(item: Item): void;
  employ(membership: Membership, options: ConsumerOptions): void;
  /**
   * The consumer is gone: what it held is ready again, marked redelivered. False: it is another's
   * end, of an older subscription of the same id.
   */
  dismiss(who: Pick<Membership, 'connectionId' | 'subscriptionId' | 'stamp'>): boolean;
  /** It is gone, and the log will say so. */
  leaving(consumer: Consumer): void;
  lease(lease: Lease): void;
  /** A lease of a run that died: it stands, and is nothing besides. */
  uphold(lease: Lease): void;
  /** Its item is consumed, or dead: it is gone. */
  settle(lease: Lease): void;
  /** Ready again; `by` the NACK of this stamp. */
  giveBack(lease: Lease, by?: string): void;
  /** A ready one is dead. */
  discard(item: Item): void;
  /** Their messages with their bodies, in the same order. */
  whole(items: readonly Item[]): Promise<readonly Message[]>;
  /**
   * Ready items in order, from a key on and at most so many, changes of this run included; none that
   * is leased. Only what it has returned may be leased or dropped.
   */
  ready(most: number, from?: string): Promise<readonly Item[]>;
  /** How far consumers with selectors have looked. */
  readonly looks: Pick<QueueLooks, 'from' | 'passed'>;
  /** Moves what is due at `now`: leases run out, delays over. */
  wind(now: number): void;
  /** The next time something waits for, ms; undefined if nothing does. */
  nextDue(): number | undefined;
  setTick(at: number): void;
  /** Writes what has changed since the last save: items before the mark that counts them. */
  save(): Promise<void>;
}
