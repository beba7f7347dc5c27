/**
 * Durable subscriptions: the server keeps the position of a named client's subscription while it is
 * away. It lives beside the log it listens to, and is moved by that log's deliverer alone: with
 * ack:auto once a message is posted, else once it is acknowledged.
 *
 * Three shelves: of each log the positions, and who listens now, each written as a whole batch; of
 * each client where its subscriptions are, for whoever asks, written when one begins and ends.
 */
import { seqOfAck } from './ack-id.ts';
import { decodeCell, encodeCell, number, text } from './cell.ts';
import type { AckMode, Acknowledgement, LogRecord, Membership, Position } from './model.ts';
import type { Logs, Ports } from './ports.ts';

type Key = Pick<Membership, 'connectionId' | 'subscriptionId'>;

/** One that listens now. */
interface Listening {
  readonly client: string;
  readonly subscriptionId: string;
  readonly ack: AckMode;
  /** The change of the log by which it began. A run that died may have been further than this one. */
  readonly began: Mark;
}

/** A change of a log. */
type Mark = Pick<LogRecord, 'epoch' | 'revision'>;

export interface Durables {
  /**
   * Where the client's subscription had got to; `began` and `now` are those of its entry in the log.
   * From `begin` on its position is kept.
   */
  listen(
    membership: Membership,
    ack: AckMode,
    now: Position,
    began: Mark,
  ): Promise<Position | undefined>;
  /**
   * Writes who has begun to listen, and where: to be called before their answers are posted, for
   * whoever has his answer must find his position, even if this run dies.
   */
  begin(): Promise<void>;
  /** It listens no longer; with `gaveUp` its position is forgotten. */
  forget(membership: Membership, gaveUp: boolean): void;
  /** An older message's ACK, come later, moves nothing back. */
  acknowledge(entry: Acknowledgement, epoch: string): Promise<void>;
  /**
   * Everything up to this change is posted to these. Whoever else listens is away; what he had
   * acknowledged before may stand further on in the log, so he listens until he is told to have left,
   * or comes back.
   */
  posted(upTo: Mark & Position, present: ReadonlySet<string>): void;
  /** Writes what has moved; true if anybody listens. */
  save(): Promise<boolean>;
}

type Changes = Map<string, Uint8Array | undefined>;

export async function openDurables(
  log: string,
  { clock, limits }: Pick<Ports, 'clock' | 'limits'>,
  logs: Pick<Logs, 'shelf'>,
): Promise<Durables> {
  const { shelf } = logs;
  const listeners = `durable listeners of ${log}`;
  const most = limits.queueCellsMax;
  const cells = await shelf.read(listeners, { from: '', to: '\uffff', most });
  const listening = new Map(cells.map(([key, cell]) => [key, decodeListening(cell)]));
  /** What is to be written, by shelf: positions and listeners of the log, clients' own. */
  const changes = new Map<string, Changes>();
  /** Of this run, by place among the positions. */
  const positions = new Map<string, Position>();
  /** Given up in this run, perhaps not written yet. */
  const endings = new Set<string>();
  let begun = false;

  function change(name: string, key: string, value: Uint8Array | undefined): void {
    const mine = changes.get(name) ?? new Map();
    changes.set(name, mine.set(key, value));
  }

  function move(one: Listening | undefined, position: Position): void {
    if (one === undefined) return;
    const place = placeOf(one.client, one.subscriptionId);
    const before = positions.get(place);
    if (before?.epoch === position.epoch && before.seq >= position.seq) return;
    positions.set(place, position);
    change(positionsOf(log), place, encodeCell(position));
  }

  function dismiss(key: string): void {
    if (listening.delete(key)) change(listeners, key, undefined);
  }

  async function write(): Promise<void> {
    const expiresAt = clock.now() + limits.durableSeconds * 1000;
    const all = [...changes];
    changes.clear();
    await Promise.all(all.map(([name, some]) => shelf.write(name, [...some], expiresAt)));
  }

  return {
    async listen(membership, ack, now, { epoch, revision }) {
      const { member: client, subscriptionId } = membership;
      const one = { client, subscriptionId, ack, began: { epoch, revision } };
      for (const [key, other] of [...listening]) {
        if (other.client === client && other.subscriptionId === subscriptionId) dismiss(key);
      }
      listening.set(keyOf(membership), one);
      change(listeners, keyOf(membership), encodeListening(one));
      change(shelfOf(client), `${log}\n${subscriptionId}`, encodeCell({ log, subscriptionId }));
      const place = placeOf(client, subscriptionId);
      // What this run has moved, or ended, is not on the shelf yet.
      const before = endings.delete(place)
        ? undefined
        : (positions.get(place) ?? (await positionAt(log, client, subscriptionId, logs)));
      move(one, before ?? now);
      begun = true;
      return before;
    },
    async begin() {
      if (begun) await write();
      begun = false;
    },
    forget(membership, gaveUp) {
      const { member: client, subscriptionId } = membership;
      dismiss(keyOf(membership));
      if (!gaveUp) return;
      positions.delete(placeOf(client, subscriptionId));
      endings.add(placeOf(client, subscriptionId));
      change(positionsOf(log), placeOf(client, subscriptionId), undefined);
      change(shelfOf(client), `${log}\n${subscriptionId}`, undefined);
    },
    async acknowledge({ type, connectionId, subscriptionId, id }, epoch) {
      if (type === 'nack' || subscriptionId === undefined) return;
      const seq = seqOfAck(id);
      const one = listening.get(keyOf({ connectionId, subscriptionId }));
      if (seq === undefined || one === undefined) return;
      const place = placeOf(one.client, one.subscriptionId);
      if (!positions.has(place)) {
        const before = await positionAt(log, one.client, one.subscriptionId, logs);
        if (before !== undefined) positions.set(place, before);
      }
      move(one, { epoch, seq });
    },
    posted({ epoch, seq, revision }, present) {
      for (const [key, one] of listening) {
        // Its answer and its past are yet to be posted: its entry is behind these.
        if (one.began.epoch === epoch && one.began.revision > revision) continue;
        if (present.has(key) && one.ack === 'auto') move(one, { epoch, seq });
      }
    },
    async save() {
      await write();
      return listening.size > 0;
    },
  };
}

/** A durable subscription, whether or not anybody listens. */
export interface Durable {
  readonly destination: string;
  readonly subscriptionId: string;
  /** What its next SUBSCRIBE goes on behind. */
  readonly position: Position;
}

/** Durable subscriptions of one client, by destination, at most `durablesListedMax`. */
export async function durablesOf(
  client: string,
  { limits }: Pick<Ports, 'limits'>,
  logs: Pick<Logs, 'shelf'>,
): Promise<readonly Durable[]> {
  const range = { from: '', to: '\uffff', most: limits.durablesListedMax };
  const cells = await logs.shelf.read(shelfOf(client), range);
  const all = await Promise.all(
    cells.map(async ([, bytes]) => {
      const cell = decodeCell(bytes);
      const [destination, subscriptionId] = [text(cell, 'log'), text(cell, 'subscriptionId')];
      const position = await positionAt(destination, client, subscriptionId, logs);
      return position === undefined ? [] : [{ destination, subscriptionId, position }];
    }),
  );
  return all.flat();
}

async function positionAt(
  log: string,
  client: string,
  subscriptionId: string,
  { shelf }: Pick<Logs, 'shelf'>,
): Promise<Position | undefined> {
  const place = placeOf(client, subscriptionId);
  const [found] = await shelf.read(positionsOf(log), { from: place, to: `${place}\0`, most: 1 });
  if (found === undefined) return undefined;
  const cell = decodeCell(found[1]);
  return { epoch: text(cell, 'epoch'), seq: number(cell, 'seq') };
}

function positionsOf(log: string): string {
  return `durable positions in ${log}`;
}

function shelfOf(client: string): string {
  return `durables of ${client}`;
}

/**
 * Of any two texts, as a key: no other two have it. As they are, for a store's key has 1,024 octets,
 * and what escapes them may need six for one.
 */
function placeOf(client: string, subscriptionId: string): string {
  return `${client.length}:${client}:${subscriptionId}`;
}

function encodeListening({ began, ...one }: Listening): Uint8Array {
  return encodeCell({ ...one, ...began });
}

function decodeListening(bytes: Uint8Array): Listening {
  const cell = decodeCell(bytes);
  const ack = text(cell, 'ack');
  return {
    client: text(cell, 'client'),
    subscriptionId: text(cell, 'subscriptionId'),
    ack: ack === 'client' || ack === 'client-individual' ? ack : 'auto',
    began: { epoch: text(cell, 'epoch'), revision: number(cell, 'revision') },
  };
}

function keyOf({ connectionId, subscriptionId }: Key): string {
  return `${connectionId}\n${subscriptionId}`;
}
