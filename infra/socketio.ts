/** What the operator chooses of Socket.IO, as the construct takes it. */
import { type EventNames, parseSocketio } from '../broker/socketio-settings.ts';

/** See `StompBrokerProps.socketio`. */
export interface SocketioProps {
  readonly namespaces?: readonly string[];
  readonly events?: Partial<EventNames>;
}

/** For the handlers' environment. Throws in words, at synth. */
export function socketioJson(props: SocketioProps | undefined): { readonly socketio?: string } {
  if (props === undefined) return {};
  parseSocketio(props);
  return { socketio: JSON.stringify(props) };
}
