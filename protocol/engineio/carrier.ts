/**
 * The Engine.IO carrier. A text of the dialect may carry octets behind it, each after a U+001E, in
 * base64: on the wire they are packets of their own, `4…` and then `b…`. Each packet is a WebSocket
 * message; a polling payload joins them. So a text whose attachments come in one payload is whole at
 * once, and over a WebSocket it is put together by the dialect, piece by piece.
 */
import { BrokerError } from '../../broker/errors.ts';
import type { Carrier } from '../../broker/model.ts';
import { SEPARATOR } from './packet.ts';

export const engineioCarrier: Carrier = {
  name: 'engineio',
  unwrap(payload) {
    const texts: string[] = [];
    const whole = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString();
    for (const packet of whole.split(SEPARATOR)) {
      if (packet.startsWith('4')) texts.push(packet.slice(1));
      else if (packet.startsWith('b')) attach(texts, packet.slice(1));
      // A pong has done its work by coming; a close is followed by that of the socket.
      else if (!/^[136]/.test(packet)) throw malformed();
    }
    return texts.map((text) => Buffer.from(text));
  },
  wrap: (texts) => texts.flatMap(packetsOf),
  farewell: Buffer.from('41'),
  farewellToSessions: true,
  beat: Buffer.from('2'),
};

function attach(texts: string[], base64: string): void {
  const last = texts.pop() ?? '';
  texts.push(`${last}${SEPARATOR}${base64}`);
}

function packetsOf(text: Uint8Array): readonly Uint8Array[] {
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  if (!bytes.includes(SEPARATOR)) return [Buffer.concat([MESSAGE, bytes])];
  const [head = '', ...attachments] = bytes.toString().split(SEPARATOR);
  return [`4${head}`, ...attachments.map((base64) => `b${base64}`)].map((one) => Buffer.from(one));
}

const MESSAGE = Buffer.from('4');

function malformed(): BrokerError {
  return new BrokerError(
    'envelope-malformed',
    'This is no Engine.IO packet',
    'A Socket.IO client sends 4 and its text; ping and open are the server’s to send.',
  );
}
