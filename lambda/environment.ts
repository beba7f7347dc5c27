/**
 * What the template tells a function, read and checked once per cold start. A missing or broken
 * variable is one clear line in the log, and every invocation after it fails: the alarm on function
 * errors, and on `$connect` a refused handshake, say the rest.
 */

import type { Limits } from '../broker/limits.ts';

import { SOCKETIO_SETTINGS, type SocketioSettings } from '../broker/socketio-settings.ts';

export interface Environment {
  /** The operator's own Lambdas, as lambda/applications.ts reads them. */
  readonly applications: string | undefined;
  readonly socketio: SocketioSettings;
  readonly tableName: string;
  /** `https://{api}.execute-api.{region}.amazonaws.com/{stage}`. */
  readonly managementEndpoint: string;
  /** Absent with direct ingress, and where nothing is queued. */
  readonly queueUrl: string | undefined;
  /** Of the queue of delayed tasks. Absent where nothing is put off. */
  readonly tasksUrl: string | undefined;
  /** Of the queue of jobs. Absent where nobody publishes. */
  readonly jobsUrl: string | undefined;
  /** Bounds that the operator has set. */
  readonly limits: Partial<Limits>;
  /** Of the queue of greetings. Absent where no HTTP is served. */
  readonly greetingsUrl: string | undefined;
  /** Whether SockJS's WebSockets find their way here. */
  readonly frontDoor: boolean;
  /** Whether posts leave through the SDK, or by our own signer and sockets. */
  readonly posting: 'sdk' | 'fast';
}

/** Throws with every fault found, by variable name. */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
): Environment {
  const tableName = variables['TABLE_NAME'] ?? '';
  const managementEndpoint = variables['MANAGEMENT_ENDPOINT'] ?? '';
  const posting = variables['POSTING'] || 'fast';
  const faults = [
    tableName === '' && 'TABLE_NAME is missing: the name of the DynamoDB table',
    !isUrl(managementEndpoint) &&
      `MANAGEMENT_ENDPOINT must be the https URL of the WebSocket API's stage, not "${managementEndpoint}"`,
    ...QUEUES.map((name) => {
      const url = variables[name] || undefined;
      return url !== undefined && !isUrl(url) && `${name} must be a URL, not "${url}"`;
    }),
    ...BOUNDS.map(([name]) => {
      const bound = variables[name] || undefined;
      return bound !== undefined && !isCount(bound) && `${name} must be a number, not "${bound}"`;
    }),
    posting !== 'sdk' && posting !== 'fast' && `POSTING must be sdk or fast, not "${posting}"`,
  ].filter((fault) => fault !== false);
  if (faults.length > 0) throw new Error(`the environment is incomplete: ${faults.join('; ')}`);
  return {
    tableName,
    managementEndpoint,
    queueUrl: variables['QUEUE_URL'] || undefined,
    tasksUrl: variables['TASKS_URL'] || undefined,
    jobsUrl: variables['JOBS_URL'] || undefined,
    greetingsUrl: variables['GREETINGS_URL'] || undefined,
    limits: Object.fromEntries(
      BOUNDS.flatMap(([name, limit]) =>
        variables[name] ? [[limit, Number(variables[name])]] : [],
      ),
    ),
    frontDoor: Boolean(variables['FRONT_DOOR']),
    posting: posting === 'sdk' ? posting : 'fast',
    applications: variables['APPLICATIONS'] || undefined,
    socketio: socketioOf(variables['SOCKETIO']),
  };
}

/** Checked when the template was made: here it is only read. */
function socketioOf(text: string | undefined): SocketioSettings {
  const { namespaces, events } = SOCKETIO_SETTINGS;
  const told: Partial<SocketioSettings> = Object(JSON.parse(text || '{}'));
  return { namespaces: told.namespaces ?? namespaces, events: { ...events, ...told.events } };
}

const QUEUES = ['QUEUE_URL', 'TASKS_URL', 'JOBS_URL', 'GREETINGS_URL'] as const;

/** Bounds that the operator may set, by the names they have here. */
const BOUNDS = [
  ['POSTS_PER_SECOND', 'postsPerSecond'],
  ['INLINE_POSTS', 'inlinePostsMax'],
] as const satisfies readonly (readonly [name: string, limit: keyof Limits])[];

function isCount(text: string): boolean {
  return /^[1-9]\d{0,6}$/.test(text);
}

/** `http:` is for tests against an endpoint on this machine. */
function isUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}
