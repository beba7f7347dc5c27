/** A proxy of the kind that SockJS was made for: it refuses what it does not understand. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface BrokenProxy {
  readonly url: string;
  /** Paths that came, upgrades among them. */
  readonly seen: readonly string[];
  stop(): void;
}

/** Upgrades are refused always; answers at a path that `holds` matches pass only once they are whole. */
export async function brokenProxy(target: string, holds = /^$/): Promise<BrokenProxy> {
  const seen: string[] = [];
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url ?? '';
    seen.push(path);
    const { method, headers } = incoming;
    const onward = request({ hostname, port, path, method, headers }, (answer) => {
      if (holds.test(path)) {
        answer.resume();
        answer.on('end', () => outgoing.writeHead(answer.statusCode ?? 502).end());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('upgrade', (incoming, socket) => {
    seen.push(incoming.url ?? '');
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, seen, stop: () => closeAll(server) };
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function closeAll(server: Server): void {
  server.close();
  server.closeAllConnections();
}
