/** What the bench uses of sockjs-node 0.3, which has no types of its own. */
declare module 'sockjs' {
  import type { Server } from 'node:http';

  interface Connection {
    on(event: 'data', listener: (text: string) => void): void;
    on(event: 'close', listener: () => void): void;
    write(text: string): void;
  }
  interface Service {
    on(event: 'connection', listener: (connection: Connection) => void): void;
    installHandlers(server: Server, options: { readonly prefix: string }): void;
  }
  export function createServer(options: { readonly log: () => void }): Service;
}
