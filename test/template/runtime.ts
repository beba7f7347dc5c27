/**
 * What CDK synthesizes is what runs: reads a cloud assembly and serves it on loopback. Tables are
 * made in DynamoDB Local, functions run from their assets with their own environment and role,
 * routes go through the strict gateway, queues, streams and schedules are pumped. Nothing that the
 * template leaves out is made up for.
 */
import type { Routes } from '../../local/dispatch.ts';
import type { Faults } from '../../local/faults.ts';
import { type Gateway, startGateway } from '../../local/gateway.ts';
import { readAssembly } from './assembly.ts';
import { connectionsService } from './connections-service.ts';
import { distributionOf } from './distribution.ts';
import { type Door, frontDoor, socketDoor, urlDoor } from './doors.ts';
import { dynamodbService } from './dynamodb-service.ts';
import { openEndpoint } from './endpoint.ts';
import type { Mode } from './environment.ts';
import type { OnFault } from './fault.ts';
import { type Affinity, functionUrlsOf } from './function-urls.ts';
import type { FunctionCounts } from './functions.ts';
import type { RoleReport } from './iam.ts';
import { lambdaService } from './lambda-service.ts';
import { lambdasOf } from './lambdas.ts';
import { apiOrigin } from './names.ts';
import { queuesOf } from './queues.ts';
import { authorityOf, permissionsOf } from './roles.ts';
import { apiOf, routesOf, type WebSocketApi } from './routes.ts';
import { type Schedule, schedulesOf } from './schedules.ts';
import { secretsService } from './secrets-service.ts';
import { startSources } from './sources.ts';
import { sqsService } from './sqs-service.ts';
import { resolveStack } from './stack.ts';
import { dropTables, makeTables } from './tables.ts';

export interface RuntimeOptions {
  readonly mode: Mode;
  /** DynamoDB Local's URL. */
  readonly dynamoUrl: string;
  /** Every line that a function logs, its name before it. */
  readonly log?: (line: string) => void;
  /** Hears of every entry of `faults` as it comes. */
  readonly onFault?: (line: string) => void;
  /** Faults of the gateway on demand: what AWS does on bad days. */
  readonly faults?: Faults;
  /** What Secrets Manager holds, by ARN. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** How soon a failed message comes back; on AWS the visibility time-out. */
  readonly retryMilliseconds?: number;
  /** Says, and hears, which environment serves an HTTP request. */
  readonly affinity?: Affinity;
}

export interface Runtime {
  /** `ws://127.0.0.1:port/stage`. */
  readonly url: string;
  /** Of the function URL, if the template has one: without a slash at its end. */
  readonly httpUrl: string | undefined;
  /** Of the distribution, the same. */
  readonly frontDoorUrl: string | undefined;
  readonly schedules: readonly Schedule[];
  /** What went wrong inside, in words, whether or not a client noticed. */
  readonly faults: readonly string[];
  /** Per role: what it used, what it did not, what it was refused. */
  roles(): Readonly<Record<string, RoleReport>>;
  functions(): Readonly<Record<string, FunctionCounts>>;
  /** Ends every environment that has nothing in hand: what it knew is lost. */
  recycle(): Promise<void>;
  /** Waits until nothing is queued or running any more, or nothing has gone on for 20 s. */
  settle(): Promise<void>;
  /** Settles, unless a fault is known, and then ends everything. */
  close(): Promise<void>;
}

/** Throws a `TemplateFault` for whatever can be seen before the first message. */
export async function openRuntime(folder: string, options: RuntimeOptions): Promise<Runtime> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    return { ...(await open(folder, options, closing)), close };
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function open(
  folder: string,
  options: RuntimeOptions,
  closing: (() => Promise<unknown>)[],
): Promise<Omit<Runtime, 'close'>> {
  const faults: string[] = [];
  const onFault: OnFault = (code, what) => {
    const line = `${code}: ${what}`;
    if (faults.includes(line)) return;
    faults.push(line);
    options.onFault?.(line);
  };
  const { mode, dynamoUrl, retryMilliseconds = 100, log = () => undefined } = options;
  const endpoint = await openEndpoint((what) => onFault('access-denied', what));
  closing.push(endpoint.close);
  const stack = resolveStack(readAssembly(folder), { endpoint: endpoint.url });
  const authority = authorityOf(stack);
  const permissions = permissionsOf(stack);
  const api = apiOf(stack);
  const queues = queuesOf(stack, onFault);
  const moved = { from: apiOrigin(api.id), to: endpoint.url };
  const tables: string[] = [];
  closing.push(() => dropTables(tables, dynamoUrl));
  const lambdas = await lambdasOf(stack, { authority, moved, mode, log });
  closing.push(lambdas.close);
  const routes = routesOf(stack, api, { authority, permissions, lambdas, queues, onFault });
  const schedules = schedulesOf(stack, lambdas, permissions);
  const urls = functionUrlsOf(stack, { lambdas, permissions, onFault, affinity: options.affinity });
  const distribution = distributionOf(stack);
  tables.push(...(await makeTables(stack, dynamoUrl)));
  const gateway = gatewayOf(api, routes, { onFault, faults: options.faults });
  endpoint.attach({
    allows: authority.allows,
    services: [
      dynamodbService(dynamoUrl, onFault),
      sqsService(queues),
      lambdaService(lambdas.byName, onFault),
      secretsService(options.secrets ?? {}),
      connectionsService(api, gateway.management),
    ],
  });
  const shared = { authority, lambdas, queues, dynamoUrl, retryMilliseconds, onFault };
  const sources = startSources(stack, shared);
  closing.push(sources.close);
  stack.demandAllRead();
  // A runtime that is known to be broken is not waited for.
  closing.push(async () => (faults.length === 0 ? sources.settle() : undefined));
  const open = async (door: Promise<Door> | undefined): Promise<string | undefined> => {
    if (door === undefined) return undefined;
    const { port, close } = await door;
    closing.push(close);
    return `127.0.0.1:${port}`;
  };
  const [url] = urls;
  const socketDomain = apiOrigin(api.id).replace('https://', '');
  const before = distribution && { distribution, urls, gateway, socketDomain, onFault };
  const http = await open(url && urlDoor(url, onFault));
  const front = await open(before && frontDoor(before));
  const sockets = await open(socketDoor(gateway));
  closing.push(gateway.close);
  return {
    url: `ws://${sockets}/${api.stage}`,
    httpUrl: http && `http://${http}`,
    frontDoorUrl: front && `http://${front}`,
    schedules,
    settle: sources.settle,
    recycle: lambdas.recycle,
    faults,
    roles: authority.report,
    functions: () =>
      Object.fromEntries([...lambdas.byName].map(([name, { counts }]) => [name, { ...counts }])),
  };
}

function gatewayOf(
  api: WebSocketApi,
  routes: Routes,
  { onFault, faults }: { readonly onFault: OnFault; readonly faults: Faults | undefined },
): Gateway {
  const { throttle } = api;
  return startGateway({
    routes,
    stage: api.stage,
    domainName: apiOrigin(api.id).replace('https://', ''),
    clock: { now: Date.now },
    log: {
      info: () => undefined,
      warn: () => undefined,
      error: (event, cause) => onFault('handler-failed', `${event}: ${String(cause)}`),
    },
    ...(faults && { faults }),
    ...(throttle && {
      limits: { requestsPerSecond: throttle.perSecond, requestsBurst: throttle.burst },
    }),
  });
}
