/**
 * Every bound the broker keeps, each with its reason. They travel in `Ports.limits`, so that tests
 * and operators can change one without touching code. Octets, seconds and counts; units at the end.
 */
export const LIMITS = {
  /** More is not a message but an attack; RabbitMQ stops at 128 as well. */
  headersMax: 128,
  /** One header line, name and value. Node's own HTTP parser allows 16 KB for all of them. */
  headerLineBytesMax: 8 * 1024,
  /** All header lines of a frame together, as Node's HTTP parser. */
  headerBytesMax: 16 * 1024,
  /** API Gateway closes 1009 over this; stock clients send one WebSocket frame a message. */
  frameBytesMax: 32 * 1024,
  /** API Gateway's largest WebSocket message, and PostToConnection's (413 beyond). */
  messageBytesMax: 128 * 1024,
  /** Headers and body of one published message: what still fits a post with our own headers. */
  publishBytesMax: 120 * 1024,
  /** A post is billed per 32 KB: frames for one connection share a post up to here. */
  postBytesMax: 32 * 1024,
  /** Half a frame may wait in the store: no more than one whole WebSocket message. */
  halfBytesMax: 128 * 1024,
  /** …in so many pieces (each is a read and a write)… */
  halfPiecesMax: 1024,
  /** …and so long; then its sender is gone or up to no good. */
  halfSecondsMax: 30,
  /** Frames in one WebSocket message, which bounds the work of one invocation. */
  framesPerMessageMax: 1000,
  /** Levels of a JSON text: readers recurse, and .NET's own stops at 64. */
  jsonDepthMax: 64,
  /** Within DynamoDB's 2,048-octet partition key and 1,024-octet sort key. */
  destinationBytesMax: 512,
  /** A publish reads one row set per literal prefix; eight keep it constant and small. */
  destinationSegmentsMax: 8,
  /** Within DynamoDB's sort key, beside a connection id. */
  subscriptionIdBytesMax: 256,
  receiptBytesMax: 256,
  /** Part of a key in the store, beside a connection id; as a subscription id. */
  transactionBytesMax: 256,
  /** Bounds what the end of a connection has to clean up. */
  subscriptionsPerConnectionMax: 100,
  /** API Gateway's connection life is 2 h; five minutes more for clocks and late events. */
  connectionSecondsMax: 2 * 3600 + 5 * 60,
  /** The gateway's own bound on the life of a connection. */
  connectionLifeSeconds: 2 * 3600,
  /** Late messages of a closed connection find its identity this long. */
  tombstoneSeconds: 15 * 60,
  /** The gateway's clock and ours may differ by this: what was sent later is after the end. */
  clockSkewMilliseconds: 1000,
  /** Ids given up that one connection's tombstones are kept of: fresh ids must fill no memory. */
  tombstonesPerConnectionMax: 1000,
  /** The heart-beat asked of clients: feeds the gateway's 10-minute idle timer, twice over. */
  heartBeatMilliseconds: 240_000,
  /** A 410 on a connection younger than this is retried (AWS-documented window after connect). */
  youngConnectionSeconds: 10,
  /** A post refused by rate, by a fault of the gateway or too early: 1.55 s of pauses at most. */
  postRetriesMax: 5,
  /** The first pause; each further one is twice as long. */
  postPauseMilliseconds: 50,
  /**
   * Retries of one delivery begin within this, slow answers counted: with the last one's 3 s they
   * end at half of `handlerSecondsMax`. A client given up too early is cut, and comes back.
   */
  postRetryMillisecondsMax: 2000,
  /**
   * Posts of one batch under way at once, each on a connection of its own: at 30 ms a post 1,000 are
   * made in six turns, well below 300 ms (`npm run bench:burst`), and one batch takes 6,400 of the
   * account's 10,000 posts a second, not all of them.
   */
  postsAtOnceMax: 192,
  /** Appends of one batch to HTTP sessions' mailboxes at once: DynamoDB's client keeps 50 sockets. */
  appendsAtOnceMax: 50,
  /**
   * Posts of one fan-out made where it was asked for; audiences beyond are spread over invocations of
   * their own. Below the burst of 5,000 requests that the account has, so that it is not refused; by
   * a virtual clock 0.7 s at 30 ms a post, and some 0.8 s of CPU on 512 MB (56 µs a post, measured).
   */
  inlinePostsMax: 4000,
  /** Posts of one part of a large audience, its shard… */
  shardPostsMax: 2000,
  /** …or fewer: as many as one may make in so long while… */
  shardSeconds: 4,
  /** …so many share the account's rate. The event source runs so many side by side. */
  shardsAtOnceMax: 20,
  /** What one shard's messages take as JSON: SQS takes 256 KB, and one message may have 240. */
  shardBytesMax: 200 * 1024,
  /** Jobs sent side by side: each is a request to the queue. */
  jobsAtOnceMax: 50,
  /** How long a shard's place is kept for its repeat: longer than a queue tries. */
  shardCursorSeconds: 3600,
  /** All shards' posts together: the account's 10,000 requests a second, less a twelfth for others. */
  postsPerSecond: 9200,
  /** Of which each of these times has its part: short, so that two parts at once pass no burst. */
  postsWindowMilliseconds: 250,
  /** Posts claimed at once: a write each, some 20 a second in all at the full rate. */
  postsClaimMax: 460,
  /** Messages that wait for a connection whose buffer is full, until the oldest go… */
  slowMessagesMax: 100,
  /** …and their octets: room for the largest message. Each look reads them, 1 RRU for 4 KB. */
  slowBytesMax: 128 * 1024,
  /** Looks at whether it takes them, after 1, 2, 4, 8, 16 and then each 30 s: two minutes in all. */
  slowLooksMax: 8,
  slowPauseSecondsMax: 30,
  /** Longer than all looks: nothing waits for somebody who has left. */
  slowSeconds: 300,
  /** How long an environment puts messages behind those that wait before it looks again. */
  slowRememberedSeconds: 2,
  /** Shelves of slow connections read or written side by side: DynamoDB's client keeps 50 sockets. */
  slowAtOnceMax: 50,
  /** Records of an emitter's receivers read side by side: DynamoDB's client keeps 50 sockets. */
  receiversReadAtOnceMax: 50,
  /** Slow connections an environment remembers. */
  slowRememberedMax: 10_000,
  /** A message received more often crashed its handler each time; the queue gives it up after 5. */
  receiptsTriedMax: 3,
  /** A connection whose messages wait longer is flooding: ERROR, and the end of it. */
  backlogSecondsMax: 5,
  /** SENDs fanned out together: bounds the memory of one flush. */
  publicationsPerFlushMax: 100,
  /** Gone connections forgotten side by side: each is a few store calls. */
  forgettingAtOnceMax: 25,
  /** Finished posts kept per topic and version while a batch fans out, by subscription id. */
  sharedPostsMax: 256,
  /** Connections an environment remembers as being in the midst of a frame. */
  halvesRememberedMax: 10_000,
  /** History kept of a logged destination unless a rule says otherwise… */
  historyCountDefault: 1000,
  historySecondsDefault: 24 * 3600,
  /** …and the most a rule may ask for: as `replayMax`, for nobody could read what is beyond. */
  historyCountMax: 10_000,
  /** Messages of history one SUBSCRIBE gets: bounds what one join makes `deliver` read and post. */
  replayMax: 10_000,
  /** One change of a log: DynamoDB charges an update on the larger of old and new item. */
  headBytesMax: 64 * 1024,
  /** Entries in one change of a log. */
  headEntriesMax: 100,
  /** Larger bodies stand beside the change, for the next one is charged by this one's size. */
  headBodyBytesMax: 4 * 1024,
  /** …and so long: a stream keeps a change for a day, and what could not be told is told again. */
  bodySeconds: 4 * 24 * 3600,
  /** A head outlives its history by this, so that a new log never serves an old one's messages. */
  headSecondsBeyondHistory: 24 * 3600,
  /** A publish id is remembered this long. */
  publishIdSeconds: 10 * 60,
  /** Header `publish-id`: within a sort key. */
  publishIdBytesMax: 128,
  /** What a client calls itself: a name among members, within a sort key. */
  clientIdBytesMax: 128,
  /** Unacknowledged messages a consumer may hold unless it says otherwise, and at most. */
  prefetchDefault: 100,
  prefetchMax: 1000,
  /** A message not acknowledged for so long is given to another consumer. */
  ackSecondsDefault: 10 * 60,
  /** Deliveries of one message before it goes to the dead letters. */
  deliveriesMaxDefault: 10,
  /** How long an unconsumed message stays in its queue. */
  queueItemSeconds: 4 * 24 * 3600,
  /** Items handed out in one round, and rounds of one invocation: what is left follows at once. */
  queueRoundItemsMax: 500,
  queueRoundsMax: 20,
  /** Unwanted items that a consumer's selector may be run on again: moving on costs a write. */
  queueLooksMax: 100,
  /** Larger bodies stand beside their items: each run reads what consumers hold. */
  queueBodyBytesMax: 1024,
  /** Bodies read side by side: each is a request to the store. */
  queueBodiesAtOnceMax: 25,
  /** Ids of messages that stand among a queue's own facts: with them these fill one kilobyte. */
  queueIdsBesideMax: 20,
  /** …and how long a queue knows what it took: longer than an ingress tries, a minute each time. */
  queueIdsSeconds: 15 * 60,
  /** Consumers, delays and leases of one queue that its deliverer reads at once. */
  queueCellsMax: 50_000,
  /** How long a durable subscription's position is kept while its client is away. */
  durableSeconds: 30 * 24 * 3600,
  /** Durable subscriptions of one client that are listed: one read each. */
  durablesListedMax: 1000,
  /** A selector, and how deep its parentheses go: read and run for every message and consumer. */
  selectorBytesMax: 1024,
  selectorDepthMax: 32,
  /** The longest a task can be put off (SQS DelaySeconds); what is later is put off again. */
  laterSecondsMax: 900,
  /** Logs one COMMIT may touch: TransactWriteItems takes 100 items. */
  commitLogsMax: 90,
  /** All that one transaction holds, and how long it may be open. */
  transactionTotalBytesMax: 256 * 1024,
  transactionSecondsMax: 10 * 60,
  /** Open transactions of a connection. */
  transactionsPerConnectionMax: 16,
  /** Names in `to` and `except`. */
  audienceNamesMax: 100,
  /** Logs of one stream batch handled side by side. */
  logsAtOnceMax: 25,
  /** How long a retried batch waits for history to reach the head, and how often it looks. */
  catchUpSecondsMax: 5,
  catchUpPollMilliseconds: 50,
  /** A member whose connection was lost has this long to come back before it counts as gone. */
  presenceGraceSeconds: 3,
  /** Members named in one presence message: keeps it within one 32 KB post. */
  presencePageMembers: 200,
  /** A connection in a watched room is asked whether it lives by every minute's sweep after this. */
  livenessSeconds: 30,
  /** Connections asked side by side: each is a request to the gateway. */
  checksAtOnceMax: 25,
  /** Clients are told to reconnect by themselves so long before the gateway's two hours end… */
  reconnectBeforeSeconds: 5 * 60,
  /** …spread over this, so that they do not come back in one herd. */
  reconnectSpreadSeconds: 10 * 60,
  /** A request's body: what a client may send, or publish as a batch, in one. */
  httpBodyBytesMax: 1024 * 1024,
  /** Posts waiting for one HTTP session: within DynamoDB's 400 KB item, and charged by its size. */
  mailboxBytesMax: 256 * 1024,
  mailboxPostsMax: 4000,
  /** A session without a receiver is gone after this (SockJS protocol: "after 5 seconds"). */
  sessionSeconds: 5,
  /** A long poll's client may take a breath between two polls. */
  pollSessionSeconds: 30,
  /** One poll is held so long: API Gateway and proxies cut at 29 or 30 s. */
  holdSeconds: 25,
  /** One streaming response lasts so long: on Lambda each second is paid. */
  streamSeconds: 25,
  /** A silent stream gets a heart-beat, which keeps proxies from cutting it. */
  streamBeatSeconds: 25,
  /** A streaming response is cut after this, for browsers keep all of it (SockJS protocol). */
  streamBytesMax: 128 * 1024,
  /** A receiver's lease lasts longer than its hold by this, for late answers. */
  leaseMarginSeconds: 5,
  /** A payload of Engine.IO: below the request body's bound by what surrounds it. */
  enginePayloadBytesMax: 1_000_000,
  /** Who has connected to no namespace by then is sent away (socket.io's `connectTimeout`). */
  engineConnectSeconds: 45,
  /** A Socket.IO client lives on pings alone: one each so often feeds the 10-minute idle timer… */
  enginePingSeconds: 480,
  /** …and two of them may get lost. */
  enginePongSeconds: 720,
  /** A WebSocket that does not become its session's within this is given up (engine.io's 10 s). */
  engineUpgradeSeconds: 10,
  /** While a client is changing over its polls are held so long (engine.io's 100 ms). */
  engineProbeMilliseconds: 100,
  /** How long an upgrade waits for a poll that is just ending, and how often it looks. */
  engineTakeOverSeconds: 3,
  engineTakeOverMilliseconds: 20,
  /** A lost Socket.IO connection may be gone on with for so long (socket.io's own 2 minutes)… */
  recoverySeconds: 120,
  /** …if it was in so many rooms at most: each is read before it is told so. */
  recoveryRoomsMax: 50,
  /** How long answers of clients wait for whoever asked. */
  answerSecondsMax: 60,
  /** Sessions an environment knows to have changed over. */
  gatesRememberedMax: 10_000,
  /** A client that asked for SockJS is greeted within this, or cut. */
  greetSecondsMax: 2,
  /** What others' writes hindered is written again so often: some 4 s of pauses… */
  conflictRetriesMax: 14,
  /** …each of random length, at first up to this, then up to twice as long as the one before… */
  conflictPauseMilliseconds: 10,
  /** …and never longer. */
  conflictPauseMillisecondsMax: 1000,
  /** Partitions of one minute's liveness checks: one takes 1,000 writes a second. */
  checkShards: 2,
  /** A check not come to by then is dropped; each minute looked back upon costs a read a sweep. */
  checkLookBackMinutes: 10,
  /** The longest window of `coalesce`: it holds a slot of the stream, and is billed. */
  coalesceMillisecondsMax: 1000,
  /** Where identity is configured a connection has so long to show one. */
  connectSecondsMax: 60,
  /** A token or key; what a query string and a header hold. */
  tokenBytesMax: 8 * 1024,
  /** A user's name: a name of a destination, and part of a key in the store. */
  userBytesMax: 128,
  /** Grants of one connection, which are read with every message of it… */
  grantsMax: 100,
  /** …as part of its record: a read is charged per 4 KB. */
  principalBytesMax: 3 * 1024,
  /** How old an environment's knowledge of who is banned may be. */
  revocationSeconds: 2,
  /** Bans that stand at once: read as a whole. */
  bansMax: 1000,
  /** A ban that names no end: longer than a token should live. */
  banSecondsDefault: 24 * 3600,
  /** An application's answer is waited for so long, unless its entry says less. */
  applicationSecondsMax: 5,
  /** Messages one answer of an application may publish. */
  applicationPublishesMax: 100,
  /** One handler's own deadline, well below the function's time-out. */
  handlerSecondsMax: 10,
} as const;

export type Limits = { readonly [name in keyof typeof LIMITS]: number };
