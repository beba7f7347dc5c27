/** The ports as lambda/main.ts wires them, over clients that are answered by counters. */
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Management } from '../../adapters/apigateway/management.ts';
import { gatewayOutbox } from '../../adapters/apigateway/outbox.ts';
import { dynamoChecks } from '../../adapters/dynamodb/checks.ts';
import { dynamoJournal } from '../../adapters/dynamodb/journal.ts';
import { dynamoRoster } from '../../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { sqsLater } from '../../adapters/sqs/later.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Ports } from '../../broker/ports.ts';
import { makePolicies } from '../../broker/rules.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { makeDetect } from '../../protocol/negotiate.ts';
import { rawCarrier } from '../../protocol/raw.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';

/** A day on which nothing else happens. */
export const NOW = 1_800_000_000_000;

export interface Clients {
  readonly database: DynamoDBDocumentClient;
  readonly gateway: Management;
  readonly queue: SQSClient;
}

export function portsOf({ database, gateway, queue }: Clients): Ports {
  let ids = 0;
  const policies = makePolicies([]);
  const world = {
    clock: { now: () => NOW },
    timer: { sleep: async () => undefined, after: () => () => undefined },
    ids: { random: () => String(++ids).padStart(36, '0') },
    log: { info: () => undefined, warn: () => undefined, error: fail },
    limits: LIMITS,
  };
  const table = { ...world, client: database, tableName: 'broker' };
  const { held, ...store } = dynamoStore(table);
  return {
    ...world,
    store,
    outbox: gatewayOutbox({ ...world, management: gateway }),
    dialects: new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect])),
    carriers: new Map([[rawCarrier.name, rawCarrier]]),
    detect: makeDetect({ stomp: stompDialect, json: jsonDialect }),
    plain: jsonDialect,
    server: 'stompway/0',
    logs: {
      held,
      journal: dynamoJournal({ ...table, policies, appending: database }),
      roster: dynamoRoster(table),
      checks: dynamoChecks(table),
      shelf: dynamoShelf(table),
      policies,
      later: sqsLater({ client: queue, queueUrl: 'https://sqs.example/tasks' }),
      liveness: { alive: () => Promise.reject(new Error('nobody asks here')) },
    },
  };
}

/** A fault would make the count a count of something else. */
function fail(event: string, cause: unknown): never {
  throw new Error(`${event} while counting`, { cause });
}
