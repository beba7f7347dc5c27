/**
 * The variables by which the template tells the handlers where things are. infra/ and lambda/ meet
 * here by name alone; test/infra/environment.test.ts compares these with what lambda/ reads.
 */
export const VARIABLES = {
  /** Name of the one table. */
  table: 'TABLE_NAME',
  /** `https://{api}.execute-api.{region}.amazonaws.com/{stage}`, even behind a custom domain. */
  endpoint: 'MANAGEMENT_ENDPOINT',
  /** URL of the ingress queue, for those who put something there; absent with direct ingress. */
  queue: 'QUEUE_URL',
  /** URL of the queue of delayed tasks; for `deliver` and `work`, which put things off. */
  tasks: 'TASKS_URL',
  /** URL of the queue of greetings; for `connect`, where HTTP is served. */
  greetings: 'GREETINGS_URL',
  /** Set for `http` where the front door leads SockJS's WebSockets to the stage. */
  frontDoor: 'FRONT_DOOR',
  /** The operator's own Lambdas, for those who ask them: JSON. */
  applications: 'APPLICATIONS',
  /** URL of the queue of jobs; for those who may meet a large audience or a slow client. */
  jobs: 'JOBS_URL',
  /** Where the operator has set them: posts a second of all shards… */
  rate: 'POSTS_PER_SECOND',
  /** …and how many posts are made where they are asked for. */
  inline: 'INLINE_POSTS',
  /** Socket.IO's events and namespaces, where the operator has named some: JSON. */
  socketio: 'SOCKETIO',
  /** `sdk` where posts leave through the SDK; absent otherwise. */
  posting: 'POSTING',
} as const;

/** Variables that `security.json` names: for those who see tokens. */
export const NAMED_VARIABLES = {
  /** `TOKEN_SECRET_0`, …: ARN of the secret of a kind of token. */
  secret: 'TOKEN_SECRET',
  /** ARN of the Lambda that is asked last who somebody is. */
  hook: 'IDENTITY_HOOK',
} as const;
