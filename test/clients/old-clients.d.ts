/** stompjs 2.3 ships no types; this is what the tests use of it. */
declare module 'stompjs' {
  export interface OldFrame {
    readonly command: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }
  export interface OldClient {
    debug: ((text: string) => void) | null;
    connect(
      headers: Readonly<Record<string, string>>,
      connected: (frame: OldFrame) => void,
      failed: (fault: unknown) => void,
    ): void;
    subscribe(
      destination: string,
      heard: (message: OldFrame) => void,
      headers?: Readonly<Record<string, string>>,
    ): { unsubscribe(): void };
    send(destination: string, headers: Readonly<Record<string, string>>, body: string): void;
    disconnect(done: () => void): void;
  }
  const stomp: {
    over(socket: unknown): OldClient;
  };
  export default stomp;
}
