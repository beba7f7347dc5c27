/**
 * A client as its author should write it: it comes back after every cut, resumes its rooms with
 * `since`, drops what it has seen (`seq` ≤ the last of the epoch) and sends again, under the same
 * publish id, what got no RECEIPT. What it sees goes to the checkers.
 */
import type { Position } from '../../broker/model.ts';
import type { Invocation } from './fleet.ts';
import type { Endpoint, Gateway } from './gateway.ts';
import { type Letter, makeLetters, type Outbound } from './letters.ts';
import { type PresenceView, view } from './presence-view.ts';
import type { Scheduler } from './scheduler.ts';
import { type Language, read, type Said, write } from './speech.ts';
import type { Got, Subscribed, Truth } from './truth.ts';

export interface ClientOptions {
  readonly name: string;
  readonly language: Language;
  /** Sends CONNECT, SUBSCRIBEs and SENDs in one breath, as tutorials do. Needs an ordered ingress. */
  readonly hasty: boolean;
}

export interface Client {
  readonly name: string;
  /** Comes, and comes back after every cut, until it quits. */
  come(): void;
  /** DISCONNECT, then close. */
  quit(): void;
  /** Its network breaks. */
  cut(): void;
  /** The same, and it does not come back by itself. */
  vanish(): void;
  join(destination: string): void;
  leave(destination: string): void;
  send(letters: readonly Letter[], options?: { split?: boolean }): void;
  readonly wants: ReadonlySet<string>;
  readonly wantsOnline: boolean;
  /** Its connection, once it may send. */
  readonly connectionId: string | undefined;
  /** What stands unanswered on a connection that is open. */
  unanswered(): readonly string[];
  /** Its live subscriptions, by destination. */
  readonly subscriptions: ReadonlyMap<string, Subscribed>;
  /** The last `seq` seen of a room. */
  cursor(destination: string): Position | undefined;
  presence(destination: string): PresenceView | undefined;
}

interface Link extends Outbound {
  connected: boolean;
  closing: boolean;
  /** What to do with each receipt asked. They stay: one may come twice. */
  readonly receipts: Map<string, (said: Said) => void>;
  readonly answered: Set<string>;
  /** By subscription id. */
  readonly byId: Map<string, Subscribed>;
}

export interface ClientWorld {
  readonly scheduler: Scheduler;
  readonly gateway: Gateway;
  readonly truth: Truth;
  readonly report: (checker: string, text: string) => void;
}

export function makeClient(options: ClientOptions, world: ClientWorld): Client {
  const { scheduler, gateway, truth } = world;
  const { name, language } = options;
  const wants = new Set<string>();
  const cursors = new Map<string, Position>();
  const presences = new Map<string, PresenceView>();
  const subscriptions = new Map<string, Subscribed>();
  const letters = makeLetters(name, scheduler, truth);
  let link: Link | undefined;
  let opening: string | undefined;
  let online = false;
  let count = 0;

  const endpoint: Endpoint = {
    name,
    opened(id) {
      opening = undefined;
      link = newLink(id, () => `r${++count}`);
      const headers = { 'accept-version': '1.2', host: 'h', 'client-id': name };
      say({ command: 'CONNECT', headers, body: '' });
      if (options.hasty) greet();
    },
    refused() {
      opening = undefined;
      again();
    },
    heard(id, payload, by) {
      if (link?.id !== id) return;
      for (const said of read(language, payload)) hear(said, by);
    },
    closed(id) {
      if (opening === id) opening = undefined;
      else if (link?.id !== id) return;
      link = undefined;
      for (const subscribed of subscriptions.values()) subscribed.over = true;
      subscriptions.clear();
      presences.clear();
      letters.doubt();
      again();
    },
  };

  function again(): void {
    if (!online) return;
    scheduler.after(100 + 2000 * scheduler.random.next(), `${name} comes again`, () => {
      if (online && link === undefined && opening === undefined) open();
    });
  }

  function open(): void {
    opening = gateway.open(endpoint);
  }

  function say(...said: readonly Said[]): void {
    if (link === undefined) return;
    const texts = said.map((one) => write(language, one));
    if (language === 'json') for (const text of texts) gateway.send(link.id, text);
    else gateway.send(link.id, Buffer.concat(texts));
  }

  /** The first things of a connection: its rooms, and what waited to be sent. */
  function greet(): void {
    for (const destination of wants) subscribe(destination);
    sendAll(letters.take());
  }

  function ready(): boolean {
    return link !== undefined && !link.closing && (link.connected || options.hasty);
  }

  function subscribe(destination: string): void {
    if (link === undefined) return;
    const since = cursors.get(destination);
    const id = `s${++count}`;
    const subscribed: Subscribed = {
      client: name,
      connectionId: link.id,
      id,
      destination,
      since,
      over: false,
    };
    link.byId.set(id, subscribed);
    subscriptions.set(destination, subscribed);
    const asked = link.receipt(({ headers }) => begun(subscribed, headers));
    const past = since === undefined ? {} : { since: `${since.epoch}:${since.seq}` };
    say({ command: 'SUBSCRIBE', headers: { id, destination, receipt: asked, ...past }, body: '' });
  }

  function begun(subscribed: Subscribed, headers: Said['headers']): void {
    const { destination } = subscribed;
    const first = subscribed.answeredAt === undefined;
    subscribed.answeredAt ??= scheduler.now();
    const position = positionOf(headers['position']);
    if (position !== undefined && first) {
      subscribed.position = position;
      subscribed.recovered = headers['recovered'] === 'true';
    }
    truth.observe({ type: 'answered', subscribed, first });
    if (position === undefined || !destination.startsWith('/room/') || !first) return;
    if (!subscribed.recovered) cursors.set(destination, position);
  }

  function unsubscribe(destination: string): void {
    const subscribed = subscriptions.get(destination);
    if (subscribed === undefined || link === undefined) return;
    subscriptions.delete(destination);
    presences.delete(destination);
    if (scheduler.random.chance(0.5)) cursors.delete(destination);
    subscribed.over = true;
    const asked = link.receipt(() => {
      subscribed.leftAt ??= scheduler.now();
    });
    say({ command: 'UNSUBSCRIBE', headers: { id: subscribed.id, receipt: asked }, body: '' });
  }

  function sendAll(all: readonly Letter[], split = false): void {
    const to = link;
    if (to === undefined || !ready()) {
      letters.wait(all);
      return;
    }
    const said = all.map((letter) => letters.frame(letter, to));
    if (!split || language === 'json') {
      say(...said);
      return;
    }
    const bytes = Buffer.concat(said.map((one) => write('stomp', one)));
    const at = scheduler.random.between(1, bytes.length - 1);
    gateway.send(to.id, bytes.subarray(0, at));
    gateway.send(to.id, bytes.subarray(at));
  }

  function hear(said: Said, by: Invocation): void {
    if (link === undefined) return;
    switch (said.command) {
      case 'CONNECTED': {
        const first = !link.connected;
        link.connected = true;
        if (first && !options.hasty) greet();
        break;
      }
      case 'RECEIPT': {
        const id = said.headers['receipt-id'] ?? '';
        link.answered.add(id);
        link.receipts.get(id)?.(said);
        break;
      }
      case 'MESSAGE':
        message(said, by);
        break;
      case 'ERROR':
        explain(said);
        // Whatever it was, a fresh connection mends it.
        gateway.close(link.id);
        break;
      case 'undefined':
        // The gateway's own words: nothing more can be read of this connection.
        gateway.close(link.id);
        break;
      default:
        world.report('speech', `${name} reads ${said.command}`);
    }
  }

  /** These clients keep every rule; some errors they cannot be blamed for. */
  function explain({ headers }: Said): void {
    const code = headers['code'] ?? '';
    scheduler.note(`${name} reads ERROR ${code}`);
    if (code === 'internal' || code === 'rate-limited') return;
    world.report('blameless', `${name} was told ${code}: ${headers['message']}`);
  }

  function message({ headers, body }: Said, by: Invocation): void {
    const subscribed = link?.byId.get(headers['subscription'] ?? '');
    if (subscribed === undefined) {
      world.report('speech', `${name}: a MESSAGE of no subscription, ${body}`);
      return;
    }
    const logged = subscribed.destination.startsWith('/room/');
    const position = logged
      ? { epoch: headers['epoch'] ?? '', seq: Number(headers['seq']) }
      : undefined;
    const got: Got = { id: headers['message-id'] ?? '', body, position, by };
    truth.observe({ type: 'arrived', subscribed, got });
    if (headers['presence'] !== undefined) {
      presences.set(
        subscribed.destination,
        view(presences.get(subscribed.destination), headers, body),
      );
    }
    if (position === undefined || subscribed.over) return;
    const last = cursors.get(subscribed.destination);
    if (last?.epoch === position.epoch && position.seq <= last.seq) return;
    truth.observe({ type: 'fresh', subscribed, got, after: last?.seq ?? 0 });
    cursors.set(subscribed.destination, position);
  }

  return {
    name,
    wants,
    subscriptions,
    get wantsOnline() {
      return online;
    },
    get connectionId() {
      return link?.connected ? link.id : undefined;
    },
    come() {
      online = true;
      if (link === undefined && opening === undefined) open();
    },
    quit() {
      online = false;
      if (link === undefined) return;
      const { id } = link;
      link.closing = true;
      if (!link.connected && !options.hasty) {
        gateway.close(id);
        return;
      }
      const asked = link.receipt(() => gateway.close(id));
      say({ command: 'DISCONNECT', headers: { receipt: asked }, body: '' });
      for (const subscribed of subscriptions.values()) subscribed.over = true;
      scheduler.after(5000, `${name} waits no longer`, () => gateway.close(id));
    },
    cut() {
      if (link !== undefined) gateway.cut(link.id);
    },
    vanish() {
      if (link === undefined) return;
      online = false;
      gateway.cut(link.id);
    },
    join(destination) {
      if (wants.has(destination)) return;
      wants.add(destination);
      if (ready()) subscribe(destination);
    },
    leave(destination) {
      const subscribed = subscriptions.get(destination);
      // One that is not answered yet is left later: without order the second might come first.
      if (subscribed !== undefined && subscribed.answeredAt === undefined) return;
      if (wants.delete(destination) && ready()) unsubscribe(destination);
    },
    send: (all, { split = false } = {}) => sendAll(all, split),
    unanswered() {
      if (link === undefined) return [];
      const { receipts, answered } = link;
      return [...receipts.keys()].filter((id) => !answered.has(id));
    },
    cursor: (destination) => cursors.get(destination),
    presence: (destination) => presences.get(destination),
  };
}

function newLink(id: string, fresh: () => string): Link {
  const receipts = new Map<string, (said: Said) => void>();
  return {
    id,
    connected: false,
    closing: false,
    sends: 0,
    receipts,
    answered: new Set(),
    byId: new Map(),
    receipt(then) {
      const name = fresh();
      receipts.set(name, then);
      return name;
    },
  };
}

function positionOf(text: string | undefined): Position | undefined {
  const [epoch, seq] = text?.split(':') ?? [];
  return epoch === undefined || seq === undefined ? undefined : { epoch, seq: Number(seq) };
}
