/** Time, chance and the log. */

/** Milliseconds since 1970. Never goes back by more than clocks do. */
export interface Clock {
  now(): number;
}

/** Waiting, so that a simulation can own time. */
export interface Timer {
  sleep(milliseconds: number): Promise<void>;
  /** Calls `action` once, that much later, unless the returned function is called before. */
  after(milliseconds: number, action: () => void): () => void;
}

export interface Ids {
  /** Unguessable, `[0-9a-zA-Z-]`, at least 96 bits. */
  random(): string;
}

/** One structured line per event. Fields must hold no secret and no body. */
export interface Log {
  info(event: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(event: string, fields?: Readonly<Record<string, unknown>>): void;
  /** `cause` is logged with its stack; it never reaches a client. */
  error(event: string, cause: unknown, fields?: Readonly<Record<string, unknown>>): void;
}
