/**
 * A client's line to the broker: STOMP on one connection at a time, taken up anew after every cut
 * until it quits; receipts, and what an ERROR means to somebody who keeps the rules.
 */
import type { Invocation } from './fleet.ts';
import type { Endpoint, Gateway } from './gateway.ts';
import type { Outbound } from './letters.ts';
import type { Scheduler } from './scheduler.ts';
import { read, type Said, write } from './speech.ts';
import type { Truth } from './truth.ts';

export interface Link extends Outbound {
  connected: boolean;
  closing: boolean;
  readonly receipts: Map<string, (said: Said) => void>;
  readonly answered: Set<string>;
}

export interface LineWorld {
  readonly scheduler: Scheduler;
  readonly gateway: Gateway;
  readonly truth: Truth;
  readonly report: (checker: string, text: string) => void;
}

export interface LineOptions {
  readonly name: string;
  readonly version: '1.1' | '1.2';
  /** Says all it has to say in one breath with CONNECT. Needs an ordered ingress. */
  readonly hasty: boolean;
  /** The first words of each connection, behind CONNECT. */
  greet(): void;
  message(said: Said, by: Invocation): void;
  /** The connection is gone. */
  closed(): void;
}

export interface Line {
  readonly name: string;
  /** Comes, and comes back after every cut, until it quits. */
  come(): void;
  /** DISCONNECT, then close. */
  quit(): void;
  cut(): void;
  /** The connection, if something may be said on it now. */
  link(): Link | undefined;
  /** All in one message of the WebSocket. */
  say(...said: readonly Said[]): void;
  readonly wantsOnline: boolean;
  /** Its connection, once CONNECTED was read. */
  readonly connectionId: string | undefined;
  unanswered(): readonly string[];
}

export function makeLine(options: LineOptions, world: LineWorld): Line {
  const { name } = options;
  const { scheduler, gateway } = world;
  let link: Link | undefined;
  let opening: string | undefined;
  let online = false;
  let count = 0;

  const endpoint: Endpoint = {
    name,
    opened(id) {
      opening = undefined;
      link = newLink(id, () => `r${++count}`);
      const headers = { 'accept-version': options.version, host: 'h', 'client-id': name };
      say({ command: 'CONNECT', headers, body: '' });
      if (options.hasty) options.greet();
    },
    refused() {
      opening = undefined;
      again();
    },
    heard(id, payload, by) {
      if (link?.id !== id) return;
      for (const said of read('stomp', payload)) hear(said, by);
    },
    closed(id) {
      if (opening === id) opening = undefined;
      else if (link?.id !== id) return;
      link = undefined;
      options.closed();
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
    if (link === undefined || said.length === 0) return;
    gateway.send(link.id, Buffer.concat(said.map((one) => write('stomp', one))));
  }

  function hear(said: Said, by: Invocation): void {
    if (link === undefined) return;
    switch (said.command) {
      case 'CONNECTED': {
        const first = !link.connected;
        link.connected = true;
        if (first && !options.hasty) options.greet();
        break;
      }
      case 'RECEIPT': {
        const id = said.headers['receipt-id'] ?? '';
        link.answered.add(id);
        link.receipts.get(id)?.(said);
        break;
      }
      case 'MESSAGE':
        options.message(said, by);
        break;
      case 'ERROR': {
        const code = said.headers['code'] ?? '';
        scheduler.note(`${name} reads ERROR ${code}`);
        if (code !== 'internal' && code !== 'rate-limited') {
          world.report('blameless', `${name} was told ${code}: ${said.headers['message']}`);
        }
        gateway.close(link.id);
        break;
      }
      case 'undefined':
        // The gateway's own words: nothing more can be read of this connection.
        gateway.close(link.id);
        break;
      default:
        world.report('speech', `${name} reads ${said.command}`);
    }
  }

  return {
    name,
    come() {
      online = true;
      if (link === undefined && opening === undefined) open();
    },
    quit() {
      online = false;
      if (link === undefined || link.closing) return;
      const { id } = link;
      link.closing = true;
      if (!link.connected && !options.hasty) {
        gateway.close(id);
        return;
      }
      const asked = link.receipt(() => gateway.close(id));
      say({ command: 'DISCONNECT', headers: { receipt: asked }, body: '' });
      scheduler.after(5000, `${name} waits no longer`, () => gateway.close(id));
    },
    cut() {
      if (link !== undefined) gateway.cut(link.id);
    },
    link() {
      const speaks = link !== undefined && !link.closing && (link.connected || options.hasty);
      return speaks ? link : undefined;
    },
    say,
    get wantsOnline() {
      return online;
    },
    get connectionId() {
      return link?.connected ? link.id : undefined;
    },
    unanswered() {
      if (link === undefined) return [];
      const { receipts, answered } = link;
      return [...receipts.keys()].filter((id) => !answered.has(id));
    },
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
    receipt(then) {
      const name = fresh();
      receipts.set(name, then);
      return name;
    },
  };
}
