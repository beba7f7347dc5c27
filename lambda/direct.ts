/** Where nothing queues, `http` hears by itself: loaded with the first message, or never. */
import type { Ingress, Ports } from '../broker/ports.ts';
import { directIngress } from './broker-sessions.ts';
import { messageHandler } from './message.ts';

export function direct(ports: Ports): Ingress {
  return directIngress(messageHandler(ports), ports, true);
}
