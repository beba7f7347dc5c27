/** What the parts of one gateway share. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocketServer } from 'ws';
import type { Clock, Log } from '../broker/ports.ts';
import type { Routes } from './dispatch.ts';
import type { Place } from './events.ts';
import type { FaultDice } from './faults.ts';
import type { GatewayLimits } from './limits.ts';
import type { ClientSocket } from './socket.ts';

export interface World {
  readonly routes: Routes;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: GatewayLimits;
  readonly place: Place;
  readonly connections: Map<string, ClientSocket>;
  /** Sockets whose `$connect` is running. */
  readonly pending: Set<Socket>;
  /** Over, but their sockets are still open: the peer has not closed its side. */
  readonly leaving: Set<ClientSocket>;
  readonly within: <T>(work: Promise<T>) => Promise<T>;
  readonly newId: () => string;
  readonly dice: FaultDice | undefined;
  readonly server: WebSocketServer;
  /** The sub-protocol a handshake will be answered with. */
  readonly chosen: WeakMap<IncomingMessage, string>;
  /** `$disconnect` handlers under way or yet to start. */
  readonly endings: Set<Promise<void>>;
  readonly admitConnect: () => boolean;
  /** Nobody is let in any more. */
  closing: boolean;
}
