/** Work that is done apart, later, or one of a group at a time. */
import type { LoggedMessage, Membership, Message } from '../model.ts';
import type { Slice } from '../slice.ts';

/** These messages, for one slice of who hears `destination` when it is done. */
export interface ShardTask {
  readonly type: 'shard';
  /** Canonical. */
  readonly destination: string;
  readonly slice: Slice;
  readonly messages: readonly Message[];
}

/** What waits for a connection whose buffer was full is posted, as far as it takes it. */
export interface DrainTask {
  readonly type: 'drain';
  readonly connectionId: string;
  readonly connectedAt: number;
  /** Looks before this one at which it took nothing; 0 for that of a message that begins to wait. */
  readonly looks: number;
}

/** Messages of a log, for one slice of its audience. */
export interface StretchTask {
  readonly type: 'stretch';
  /** Canonical. */
  readonly destination: string;
  readonly slice: Slice;
  readonly epoch: string;
  /** Seq of the last message before these that the slice was given; absent on the first of a spread. */
  readonly after?: number;
  readonly messages: readonly (LoggedMessage & {
    /** Of the change that holds it: whoever joins by a later one does not hear it. */
    readonly revision: number;
  })[];
}

export type JobTask = ShardTask | StretchTask | DrainTask;

/** Work for an invocation of its own. */
export interface Job {
  readonly group: string;
  /** Names the job within its group: the same when it is sent again. */
  readonly once: string;
  readonly task: JobTask;
}

/**
 * A queue of work, beside the one of what clients say. Jobs of one group are done in the order of
 * their sends, one at a time; those of different groups side by side, within a bound. At least once:
 * one that fails, or whose process dies, is given again. A name sent again within five minutes may
 * be dropped.
 */
export interface Jobs {
  /** Resolves once all are stored; throws if one could not be, though others may be. */
  send(jobs: readonly Job[]): Promise<void>;
}

/** Work for later, at least once, not before its time; a second or so late is fine. */
export type Task =
  | { readonly type: 'tick'; readonly queue: string }
  /** Becomes a job: jobs of one connection are done one at a time. */
  | { readonly type: 'look'; readonly drain: DrainTask }
  | {
      readonly type: 'gone';
      readonly room: string;
      readonly membership: Membership;
      readonly mark: string;
    };

export interface Later {
  schedule(seconds: number, task: Task): Promise<void>;
}

export interface DueTask {
  readonly key: string;
  readonly task: Task;
}

/** `Later` where nobody else calls when the time has come: one process asks, and settles what it did. */
export interface Agenda extends Later {
  /** Tasks whose time has come, oldest first, until they are settled. */
  due(now: number, most: number): Promise<readonly DueTask[]>;
  settle(key: string): Promise<void>;
}
