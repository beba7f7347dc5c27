/** Faults between the table's stream and what hangs on it: deliveries, tasks, the sweep. */
import { listOf, mutable, withdraw } from './draft.ts';
import type { Mutation } from './mutation.ts';

const SOURCE = 'AWS::Lambda::EventSourceMapping';
const TABLE = 'AWS::DynamoDB::Table';
const ROOM = 'a publish id that is sent twice is stored once';

const faults: readonly Omit<Mutation, 'needs'>[] = [
  {
    name: 'the table has no stream',
    caught: 'unknown-reference',
    naming: 'stream',
    plant: (draft) => {
      draft.properties(TABLE)['StreamSpecification'] = undefined;
    },
  },
  {
    name: 'the stream says which rows changed, and not to what',
    caught: 'handler-failed',
    naming: 'NewImage',
    journey: ROOM,
    plant: (draft) => {
      draft.properties(TABLE)['StreamSpecification'] = { StreamViewType: 'KEYS_ONLY' };
    },
  },
  {
    name: 'the stream may not be read',
    caught: 'source-unreadable',
    naming: 'dynamodb:GetRecords',
    plant: (draft) =>
      withdraw(draft.statement('DeliverRole', 'dynamodb:GetRecords'), 'dynamodb:GetRecords'),
  },
  {
    name: 'what cannot be delivered may not be put aside',
    caught: 'source-unreadable',
    naming: 's3:PutObject',
    plant: (draft) => {
      draft.statement('DeliverRole', 's3:PutObject')['Action'] = 's3:GetObject';
    },
  },
  {
    name: 'a filter that lets no log through',
    caught: 'journey-failed',
    journey: ROOM,
    plant: (draft) => {
      const criteria = mutable(draft.properties(SOURCE, 'DeliverHeads')['FilterCriteria']);
      const filter = mutable(listOf(criteria['Filters'])[0]);
      filter['Pattern'] = String(filter['Pattern']).replace('H#', 'HEAD#');
    },
  },
  {
    name: 'a stream that nobody follows',
    caught: 'source-unreadable',
    naming: 'Enabled',
    plant: (draft) => {
      draft.properties(SOURCE, 'DeliverHeads')['Enabled'] = false;
    },
  },
  {
    name: 'the delivery may not keep history',
    caught: 'access-denied',
    naming: 'DeliverRole',
    journey: ROOM,
    plant: (draft) => {
      const statement = draft.statement('DeliverRole', 'dynamodb:BatchWriteItem');
      statement['Action'] = ['dynamodb:GetItem', 'dynamodb:Query'];
    },
  },
  {
    name: 'no function does the tasks that were put off',
    caught: 'queue-unread',
    plant: (draft) => {
      delete draft.resources[draft.id(SOURCE, 'WorkTasks')];
    },
  },
  {
    name: 'the minute’s rule may not invoke its function',
    caught: 'invoke-not-permitted',
    naming: 'events.amazonaws.com',
    plant: (draft) => {
      delete draft.resources[draft.id('AWS::Lambda::Permission', 'AllowEventRule')];
    },
  },
  {
    name: 'a schedule that is no schedule',
    caught: 'wrong-value',
    naming: 'every minute',
    plant: (draft) => {
      draft.properties('AWS::Events::Rule')['ScheduleExpression'] = 'every minute';
    },
  },
];

export const LOGS: readonly Mutation[] = faults.map((one) => ({
  ...one,
  needs: 'FunctionsDeliver',
}));
