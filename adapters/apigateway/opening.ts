/** How a connection to the gateway is opened, and how what comes by it is read. */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';
import type { SenderOptions } from './sender.ts';

/** A connection on its way, and who hears what comes by it: nobody, before it is open. */
export interface Opening {
  readonly socket: Socket;
  readonly event: 'connect' | 'secureConnect';
  heard: (octets: Buffer) => void;
}

/** A TLS record's, the most that comes at once. */
const READ_BYTES = 16 * 1024;

/**
 * New connections resume the last TLS session where the gateway lets them. All read into the same
 * memory, since what is heard is read at once: no stream, no buffer and no event for each answer.
 */
export function opener({ endpoint, ca }: Pick<SenderOptions, 'endpoint' | 'ca'>): () => Opening {
  const { protocol, hostname, port } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  const memory = Buffer.allocUnsafeSlow(READ_BYTES);
  const made = (event: Opening['event'], connect: (read: Read) => Socket): Opening => {
    const callback = (bytes: number): boolean => {
      opening.heard(memory.subarray(0, bytes));
      return true;
    };
    const socket = connect({ onread: { buffer: memory, callback } });
    const opening: Opening = { socket, event, heard: () => socket.destroy() };
    return opening;
  };
  if (protocol === 'http:') {
    const to = { host, port: Number(port || 80), noDelay: true };
    return () => made('connect', (read) => connectPlain({ ...to, ...read }));
  }
  const to = {
    host,
    port: Number(port || 443),
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Made once: the trusted certificates are a fifth of a handshake's CPU.
    secureContext: createSecureContext(ca === undefined ? {} : { ca }),
  };
  let session: Buffer | undefined;
  return () =>
    made('secureConnect', (read) => {
      const resumed = session === undefined ? {} : { session };
      const socket = connectTls({ ...to, ...resumed, ...read });
      socket.setNoDelay(true);
      socket.on('session', (given) => {
        session = given;
      });
      socket.once('error', () => {
        session = undefined;
      });
      return socket;
    });
}

interface Read {
  readonly onread: { readonly buffer: Buffer; readonly callback: (bytes: number) => boolean };
}
