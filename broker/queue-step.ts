import type { Destination } from './destination.ts';
import type { Logs, Ports } from './ports.ts';
import type { QueueShelf } from './queue-shelf.ts';
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
