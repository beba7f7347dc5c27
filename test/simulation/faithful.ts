/**
 * A durable subscriber that comes and goes: by its client-id the server knows how far it got. It
 * sends no `since` and keeps nothing; sometimes it gives its subscription up, and takes up another.
 */
import type { AckMode } from '../../broker/model.ts';
import { type Line, type LineWorld, makeLine } from './line.ts';
import type { Said } from './speech.ts';
import type { Life } from './work-truth.ts';

export interface FaithfulOptions {
  readonly name: string;
  readonly mode: AckMode;
  readonly destination: string;
  readonly hasty: boolean;
}

export interface Faithful
  extends Pick<Line, 'name' | 'come' | 'quit' | 'cut' | 'unanswered' | 'wantsOnline'> {
  readonly connectionId: string | undefined;
  /** UNSUBSCRIBE with `durable:true`, and a new life behind its RECEIPT. */
  giveUp(): void;
  readonly wants: ReadonlySet<string>;
  readonly subscriptions: ReadonlyMap<string, { readonly answeredAt?: number }>;
  readonly life: Life;
}

const ID = 'd';

export function makeFaithful(options: FaithfulOptions, world: LineWorld): Faithful {
  const { scheduler, truth } = world;
  const { name, mode, destination } = options;
  const wants = new Set([destination]);
  const subscriptions = new Map<string, { answeredAt?: number }>();
  let life = newLife();
  const line: Line = makeLine(
    { ...options, version: '1.2', greet: subscribe, message, closed },
    world,
  );

  function newLife(): Life {
    return { client: name, destination, mode, acknowledged: 0, settled: 0, over: false };
  }

  function closed(): void {
    subscriptions.clear();
  }

  function subscribe(): void {
    const link = line.link();
    if (link === undefined) return;
    const mine = life;
    const subscription: { answeredAt?: number } = {};
    subscriptions.set(destination, subscription);
    const receipt = link.receipt(({ headers }) => {
      subscription.answeredAt ??= scheduler.now();
      const [epoch, seq] = headers['position']?.split(':') ?? [];
      if (epoch !== undefined) mine.from ??= { epoch, seq: Number(seq) };
    });
    truth.observe({ type: 'listens', life, connectionId: link.id });
    const headers = { id: ID, destination, ack: mode, durable: 'true', receipt };
    line.say({ command: 'SUBSCRIBE', headers, body: '' });
  }

  function message({ headers }: Said): void {
    const link = line.link();
    if (link === undefined || headers['subscription'] !== ID) return;
    const mine = life;
    const seq = Number(headers['seq']);
    truth.observe({ type: 'read', life, connectionId: link.id, seq });
    const ack = headers['ack'];
    if (mode === 'auto' || ack === undefined) return;
    scheduler.after(2000 * scheduler.random.next(), `${name} acknowledges`, () => {
      if (line.link() !== link || life !== mine || seq <= mine.acknowledged) return;
      mine.acknowledged = seq;
      const receipt = link.receipt(() => {
        // Where a post was refused the end of the connection may stand in front of the ACK.
        if (world.gateway.wasRefused(link.id)) return;
        mine.settled = Math.max(mine.settled, seq);
      });
      line.say({ command: 'ACK', headers: { id: ack, receipt }, body: '' });
    });
  }

  return {
    name,
    wants,
    subscriptions,
    come: line.come,
    quit: line.quit,
    cut: line.cut,
    unanswered: line.unanswered,
    get life() {
      return life;
    },
    get wantsOnline() {
      return line.wantsOnline;
    },
    get connectionId() {
      return line.connectionId;
    },
    giveUp() {
      const link = line.link();
      if (link === undefined || subscriptions.get(destination)?.answeredAt === undefined) return;
      life.over = true;
      life = newLife();
      subscriptions.delete(destination);
      const receipt = link.receipt(() => {
        if (line.link() === link && !subscriptions.has(destination)) subscribe();
      });
      const headers = { id: ID, durable: 'true', receipt };
      line.say({ command: 'UNSUBSCRIBE', headers, body: '' });
    },
  };
}
