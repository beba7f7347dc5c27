/** An emitter over the stack's table and stage: for Lambdas of the operator's own, and scripts. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { gatewayOutbox } from '../adapters/apigateway/outbox.ts';
import { managementClient, sdkManagement } from '../adapters/apigateway/sdk.ts';
import { dynamoChecks } from '../adapters/dynamodb/checks.ts';
import { appendingClient, dynamoJournal } from '../adapters/dynamodb/journal.ts';
import { dynamoMailboxes } from '../adapters/dynamodb/mailboxes.ts';
import { dynamoRoster } from '../adapters/dynamodb/roster.ts';
import { dynamoShelf } from '../adapters/dynamodb/shelf.ts';
import { dynamoStore } from '../adapters/dynamodb/store.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import type { Logs } from '../broker/ports.ts';
import { makeRevocations } from '../broker/revocations.ts';
import { makePolicies, parseRules } from '../broker/rules.ts';
import { Emitter } from './emitter.ts';
import { performOver } from './perform.ts';
import { emitterPorts } from './ports.ts';

export interface EmitterOnAwsOptions {
  /** @default TABLE_NAME of the environment */
  readonly tableName?: string;
  /** The stage's callback URL. @default MANAGEMENT_ENDPOINT of the environment */
  readonly managementEndpoint?: string;
  /** As the broker has them: they say which rooms have a log. @default none */
  readonly rules?: readonly unknown[];
}

/** Throws if it is not told where the broker is. `StompBroker.grantEmit` gives the rights. */
export function emitterOnAws(options: EmitterOnAwsOptions = {}): Emitter {
  const tableName = options.tableName ?? process.env['TABLE_NAME'] ?? '';
  const endpoint = options.managementEndpoint ?? process.env['MANAGEMENT_ENDPOINT'] ?? '';
  if (tableName === '' || endpoint === '') {
    throw new Error('emitterOnAws needs tableName and managementEndpoint');
  }
  const world = {
    clock: systemClock,
    timer: systemTimer,
    ids: systemIds,
    log: consoleLog(),
    limits: LIMITS,
  };
  const client = DynamoDBDocumentClient.from(new DynamoDBClient({}));
  const table = { ...world, client, tableName };
  const { held, ...store } = dynamoStore(table);
  const policies = makePolicies(parseRules(options.rules ?? []));
  const appending = DynamoDBDocumentClient.from(appendingClient());
  const logs: Logs = {
    held,
    journal: dynamoJournal({ ...table, policies, appending }),
    roster: dynamoRoster(table),
    checks: dynamoChecks(table),
    shelf: dynamoShelf(table),
    policies,
    later: { schedule: () => Promise.reject(new Error('an emitter puts nothing off')) },
    liveness: { alive: () => Promise.reject(new Error('an emitter asks after nobody')) },
  };
  const management = sdkManagement(managementClient(endpoint));
  const sockets = gatewayOutbox({ ...world, management });
  const mailboxes = dynamoMailboxes(table);
  const ports = emitterPorts({ ...world, store, logs, sockets, mailboxes });
  // Whether anybody is ever banned is not known here: a read a second at most, while it emits.
  const revocations = makeRevocations(logs.shelf, systemClock, LIMITS);
  return new Emitter(performOver({ ...ports, revocations }));
}
