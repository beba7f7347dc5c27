/** What the tests use of sockjs-client 1.6, which has no types of its own. */
declare module 'sockjs-client' {
  interface Options {
    readonly transports?: string | readonly string[];
    readonly timeout?: number;
  }
  export default class SockJS {
    constructor(url: string, reserved?: null, options?: Options);
    readonly readyState: number;
    /** The transport chosen, once open. */
    readonly transport: string;
    onopen: (() => void) | null;
    onmessage: ((event: { readonly data: string }) => void) | null;
    onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
    send(data: string): void;
    close(code?: number, reason?: string): void;
  }
}
