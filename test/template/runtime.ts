/**
 * What CDK synthesizes is what runs: reads a cloud assembly and serves it on loopback. Tables are
 * made in DynamoDB Local, functions run from their assets with their own environment and role,
 * routes go through the strict gateway, queues, streams and schedules are pumped. Nothing that the
 * template leaves out is made up for.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Routes } from '../../local/dispatch.ts';
import type { Faults } from '../../local/faults.ts';
import { type Gateway, startGateway } from '../../local/gateway.ts';
import { readAssembly } from './assembly.ts';
import { connectionsService } from './connections-service.ts';
import { dynamodbService } from './dynamodb-service.ts';
import { openEndpoint } from './endpoint.ts';
import type { Mode } from './environment.ts';
import type { OnFault } from './fault.ts';
import type { FunctionCounts } from './functions.ts';
import type { RoleReport } from './iam.ts';
import { lambdaService } from './lambda-service.ts';
import { lambdasOf } from './lambdas.ts';
import { apiOrigin } from './names.ts';
import { queuesOf } from './queues.ts';
import { authorityOf, permissionsOf } from './roles.ts';
import { apiOf, routesOf, type WebSocketApi } from './routes.ts';
import { type Schedule, schedulesOf } from './schedules.ts';
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
  /** How soon a failed message comes back; on AWS the visibility time-out. */
  readonly retryMilliseconds?: number;
}

export interface Runtime {
  /** `ws://127.0.0.1:port/stage`. */
  readonly url: string;
  readonly schedules: readonly Schedule[];
  /** What went wrong inside, in words, whether or not a client noticed. */
  readonly faults: readonly string[];
  /** Per role: what it used, what it did not, what it was refused. */
  roles(): Readonly<Record<string, RoleReport>>;
  functions(): Readonly<Record<string, FunctionCounts>>;
  /** Waits until nothing is queued or running any more, or 20 s. */
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
  let ending = false;
  const onFault: OnFault = (code, what) => {
    if (ending) return;
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
  const lambdas = await lambdasOf(stack, { authority, moved, mode, log });
  closing.push(lambdas.close);
  const routes = routesOf(stack, api, { authority, permissions, lambdas, queues, onFault });
  const schedules = schedulesOf(stack, lambdas, permissions);
  const tables = await makeTables(stack, dynamoUrl);
  closing.push(() => dropTables(tables, dynamoUrl));
  const gateway = gatewayOf(api, routes, { onFault, faults: options.faults });
  endpoint.attach({
    allows: authority.allows,
    services: [
      dynamodbService(dynamoUrl, onFault),
      sqsService(queues),
      lambdaService(lambdas.byName, onFault),
      connectionsService(api, gateway.management),
    ],
  });
  const shared = { authority, lambdas, queues, dynamoUrl, retryMilliseconds, onFault };
  const sources = startSources(stack, shared);
  closing.push(sources.close);
  stack.demandAllRead();
  // Once all is settled, what is put off for later is cut off in its midst: no fault of the template.
  closing.push(async () => {
    ending = true;
  });
  // A runtime that is known to be broken is not waited for.
  closing.push(async () => (faults.length === 0 ? sources.settle() : undefined));
  const served = await serve(gateway);
  closing.push(served.close);
  return {
    url: `ws://127.0.0.1:${served.port}/${api.stage}`,
    schedules,
    settle: sources.settle,
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

/** A port of its own for the gateway, which has none. */
async function serve(gateway: Gateway): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server: Server = createServer((_, response) => response.writeHead(403).end());
  server.on('upgrade', (request, socket, head) => {
    // Node hands `upgrade` the connection's net.Socket; its type says Duplex.
    gateway.upgrade(request, socket as Socket, head);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    port: address.port,
    close: async () => {
      await gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
