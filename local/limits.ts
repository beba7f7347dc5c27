/**
 * Every number of the gateway, with its source. Tests shorten them; `npm start` takes them as they
 * stand. Where AWS publishes a number it is AWS's; where it does not, ours errs on the strict side.
 */
export interface GatewayLimits {
  /** API Gateway's WebSocket quotas: a larger frame closes 1009, whatever the message. */
  readonly frameBytesMax: number;
  /** …and a larger message too; a larger post answers 413. */
  readonly messageBytesMax: number;
  /** Idle connection time-out: messages in either direction start it anew. */
  readonly idleMilliseconds: number;
  /** Connection duration, whatever the traffic. */
  readonly lifeMilliseconds: number;
  /** Undocumented, so off: a client that only pings is idle. */
  readonly pingsAreActivity: boolean;
  /** Integration time-out: the longest any handler may take. */
  readonly integrationMilliseconds: number;
  /** The status of a handshake whose `$connect` threw or timed out. */
  readonly connectFaultStatus: number;
  /** "The client side buffer is full": AWS gives no number. Eight whole messages. */
  readonly clientBufferBytesMax: number;
  /** New connections a second, with a bucket of one second; Infinity is off. AWS: 500. */
  readonly connectsPerSecond: number;
  /** `$connect`, messages and posts in one bucket; Infinity is off. AWS: 10,000. */
  readonly requestsPerSecond: number;
  /** That bucket's depth. AWS: 5,000. */
  readonly requestsBurst: number;
  /** How long a peer may take to answer a close frame before its socket is cut. */
  readonly closeMilliseconds: number;
  /** One timer looks after all connections and invocations this often; its error is one period. */
  readonly sweepMilliseconds: number;
}

export const GATEWAY_LIMITS: GatewayLimits = {
  frameBytesMax: 32 * 1024,
  messageBytesMax: 128 * 1024,
  idleMilliseconds: 10 * 60_000,
  lifeMilliseconds: 2 * 3_600_000,
  pingsAreActivity: false,
  integrationMilliseconds: 29_000,
  connectFaultStatus: 502,
  clientBufferBytesMax: 8 * 128 * 1024,
  connectsPerSecond: Number.POSITIVE_INFINITY,
  requestsPerSecond: Number.POSITIVE_INFINITY,
  requestsBurst: 5_000,
  closeMilliseconds: 2_000,
  sweepMilliseconds: 1_000,
};

/** The queue's numbers. Sources: SQS FIFO quotas and docs, and the wiring of our own stack. */
export interface QueueLimits {
  /** Lambda's largest batch from a FIFO queue. */
  readonly batchMax: number;
  /** A record neither deleted nor failed comes back after this; it blocks its group until then. */
  readonly visibilityMilliseconds: number;
  /** The function's time-out: its batch is retried, whatever becomes of the call. */
  readonly functionMilliseconds: number;
  /** How often that is looked at. */
  readonly sweepMilliseconds: number;
  /** Receives of one record before it is a dead letter. */
  readonly receivesMax: number;
  /** An id seen again within this time, in the same group, is dropped. */
  readonly deduplicationMilliseconds: number;
  /** Ids remembered at most; beyond, the oldest is forgotten, which only makes repeats likelier. */
  readonly deduplicationMax: number;
}

export const QUEUE_LIMITS: QueueLimits = {
  batchMax: 10,
  visibilityMilliseconds: 60_000,
  functionMilliseconds: 30_000,
  sweepMilliseconds: 1_000,
  receivesMax: 5,
  deduplicationMilliseconds: 5 * 60_000,
  deduplicationMax: 10_000,
};

/** A bucket of `burst` tokens filled at `perSecond`; Infinity never refuses and costs nothing. */
export function tokenBucket(perSecond: number, burst: number, now: () => number): () => boolean {
  if (perSecond === Number.POSITIVE_INFINITY) return () => true;
  let tokens = burst;
  let filledAt = now();
  return () => {
    const time = now();
    tokens = Math.min(burst, tokens + ((time - filledAt) * perSecond) / 1000);
    filledAt = time;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
