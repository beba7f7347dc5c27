/** What an emitter needs of a broker: its ports without anything that hears clients. */
import { mailboxOutbox } from '../adapters/mailbox/outbox.ts';
import { routeOutbox } from '../adapters/route.ts';
import { sessionOf } from '../broker/address.ts';
import type { Logs, Mailboxes, Outbox, Ports } from '../broker/ports.ts';
import { engineioCarrier } from '../protocol/engineio/carrier.ts';
import { eventsDialect } from '../protocol/http/events.ts';
import { jsonDialect } from '../protocol/json/dialect.ts';
import { rawCarrier } from '../protocol/raw.ts';
import { socketioDialect } from '../protocol/socketio/dialect.ts';
import { sockjsCarrier } from '../protocol/sockjs/carrier.ts';
import { stompDialect } from '../protocol/stomp/dialect.ts';
import type { EmitterPorts } from './perform.ts';

interface Posting extends Pick<Ports, 'clock' | 'log' | 'limits'> {
  readonly sockets: Outbox;
  readonly mailboxes: Mailboxes;
}

export interface EmitterWorld extends Posting, Pick<Ports, 'timer' | 'ids' | 'store'> {
  readonly logs: Logs;
}

export function emitterPorts(world: EmitterWorld): EmitterPorts {
  const { sockets, mailboxes } = world;
  const dialects = [stompDialect, jsonDialect, eventsDialect, socketioDialect];
  return {
    ...world,
    outbox: routeOutbox({ sockets, sessions: mailboxOutbox({ ...world, mailboxes, sockets }) }),
    volatile: volatileOutbox(world),
    dialects: new Map(dialects.map((one) => [one.name, one])),
    carriers: new Map([rawCarrier, sockjsCarrier, engineioCarrier].map((one) => [one.name, one])),
    detect: () => jsonDialect,
    plain: jsonDialect,
    server: '',
  };
}

/** What would have to wait in a mailbox is dropped. */
export function volatileOutbox({ sockets, ...world }: Posting): Outbox {
  const mailboxes: Mailboxes = {
    ...world.mailboxes,
    append: async (connectionId) => {
      const found = await world.mailboxes.find(sessionOf(connectionId));
      return found?.socket === undefined ? 'gone' : { socket: found.socket };
    },
  };
  return routeOutbox({ sockets, sessions: mailboxOutbox({ ...world, mailboxes, sockets }) });
}
