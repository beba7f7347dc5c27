/**
 * Durable subscriptions: the server keeps the position of a named client's subscription while it is
 * away. It lives beside the log it listens to, and is moved by that log's deliverer alone: with
 * ack:auto once a message is posted, else once it is acknowledged.
 */
import { seqOfAck } from './ack-id.ts';
import { decodeCell, encodeCell, number, text } from './cell.ts';
import type { AckMode, Acknowledgement, Membership, Position } from './model.ts';
import type { Logs, Ports } from './ports.ts';

/** One that listens now. */
interface Listening {
  readonly client: string;
  readonly subscriptionId: string;
  readonly ack: AckMode;
}

export interface Durables {
  /** Where the client's subscription had got to; from now on its position is kept. */
  listen(membership: Membership, ack: AckMode, now: Position): Promise<Position | undefined>;
  forget(membership: Pick<Membership, 'connectionId' | 'subscriptionId'>): void;
  acknowledge(entry: Acknowledgement, epoch: string): void;
  /** Everything up to `position` is posted to these; whoever else listened is away. */
  posted(position: Position, present: ReadonlySet<string>): void;
  /** Writes what has moved; true if anybody listens. */
  save(): Promise<boolean>;
}

export async function openDurables(log: string, ports: Ports, logs: Logs): Promise<Durables> {
  const { shelf } = logs;
  const { clock, limits } = ports;
  const listeners = `durable listeners of ${log}`;
  const most = limits.queueCellsMax;
  const cells = await shelf.read(listeners, { from: '', to: '\uffff', most });
  const listening = new Map(cells.map(([key, cell]) => [key, decodeListening(cell)]));
  const changes = new Map<string, Uint8Array | undefined>();
  const positions = new Map<string, { readonly listening: Listening; position: Position }>();

  async function stored(client: string, id: string): Promise<Position | undefined> {
    const range = { from: id, to: `${id}\0`, most: 1 };
    const [cell] = await shelf.read(shelfOf(client, log), range);
    if (cell === undefined) return undefined;
    const { epoch, seq } = decodePosition(cell[1]);
    return { epoch, seq };
  }

  function move(key: string, position: Position): void {
    const one = listening.get(key);
    const before = positions.get(key)?.position;
    if (one === undefined) return;
    if (before?.epoch === position.epoch && before.seq >= position.seq) return;
    positions.set(key, { listening: one, position });
  }

  return {
    async listen(membership, ack, now) {
      const { member: client, subscriptionId } = membership;
      const one = { client, subscriptionId, ack };
      listening.set(keyOf(membership), one);
      changes.set(keyOf(membership), encodeCell(one));
      const before = await stored(client, subscriptionId);
      if (before === undefined) move(keyOf(membership), now);
      return before;
    },
    forget(membership) {
      if (listening.delete(keyOf(membership))) changes.set(keyOf(membership), undefined);
    },
    acknowledge({ type, connectionId, subscriptionId, id }, epoch) {
      if (type === 'nack' || subscriptionId === undefined) return;
      const seq = seqOfAck(id);
      if (seq !== undefined) move(keyOf({ connectionId, subscriptionId }), { epoch, seq });
    },
    posted(position, present) {
      for (const [key, { ack }] of [...listening]) {
        if (!present.has(key)) {
          listening.delete(key);
          changes.set(key, undefined);
        } else if (ack === 'auto') move(key, position);
      }
    },
    async save() {
      const expiresAt = clock.now() + limits.durableSeconds * 1000;
      if (changes.size > 0) await shelf.write(listeners, [...changes], expiresAt);
      for (const { listening: one, position } of positions.values()) {
        const cell = encodeCell(position);
        await shelf.write(shelfOf(one.client, log), [[one.subscriptionId, cell]], expiresAt);
      }
      return listening.size > 0;
    },
  };
}

/** The client gives the subscription up for good: UNSUBSCRIBE with `durable:true`. */
export async function endDurable(
  log: string,
  { member, subscriptionId }: Pick<Membership, 'member' | 'subscriptionId'>,
  { shelf }: Logs,
): Promise<void> {
  await shelf.write(shelfOf(member, log), [[subscriptionId, undefined]], 0);
}

function shelfOf(client: string, log: string): string {
  return `durable positions of ${client} in ${log}`;
}

function decodeListening(bytes: Uint8Array): Listening {
  const cell = decodeCell(bytes);
  const ack = text(cell, 'ack');
  return {
    client: text(cell, 'client'),
    subscriptionId: text(cell, 'subscriptionId'),
    ack: ack === 'client' || ack === 'client-individual' ? ack : 'auto',
  };
}

function decodePosition(bytes: Uint8Array): Position {
  const cell = decodeCell(bytes);
  return { epoch: text(cell, 'epoch'), seq: number(cell, 'seq') };
}

function keyOf({
  connectionId,
  subscriptionId,
}: Pick<Membership, 'connectionId' | 'subscriptionId'>) {
  return `${connectionId}\n${subscriptionId}`;
}
