/** What an emitter asks for: plain data, so that it may also be asked of another process. */

/** Names are rooms, or `socket.id`s; none at all is everybody of the namespace. */
export interface Target {
  readonly namespace: string;
  readonly rooms: readonly string[];
  readonly except: readonly string[];
}

export type Operation =
  | {
      readonly type: 'emit';
      readonly target: Target;
      readonly event: string;
      /** A JSON array of the arguments, octets as `{"_octets": base64}`, and its content type. */
      readonly values: string;
      readonly contentType: string;
      /** True: whoever cannot be reached at once does not hear of it. */
      readonly volatile: boolean;
      /** Set: each receiver is asked for an answer, within so many milliseconds. */
      readonly answerMilliseconds?: number;
    }
  | { readonly type: 'join'; readonly target: Target; readonly rooms: readonly string[] }
  | { readonly type: 'leave'; readonly target: Target; readonly rooms: readonly string[] }
  | { readonly type: 'disconnect'; readonly target: Target }
  | { readonly type: 'fetch'; readonly target: Target };

/** A client as `fetchSockets` tells of it. */
export interface RemoteSocket {
  readonly id: string;
  readonly rooms: readonly string[];
  readonly user?: string;
}

export interface Outcome {
  /** Connections it concerned. */
  readonly sockets: readonly RemoteSocket[];
  /** Of those that answered in time, JSON arrays. */
  readonly answers?: readonly string[];
}

/** Carries an operation out, here or elsewhere. */
export type Perform = (operation: Operation) => Promise<Outcome>;
