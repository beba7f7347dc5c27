/** Rights withheld, given to the wrong thing, or written so that nobody can judge them. */
import { type Draft, listOf, mutable, withdraw } from './draft.ts';
import type { Mutation } from './mutation.ts';

const ROLE = 'AWS::IAM::Role';
const POLICY = 'AWS::IAM::Policy';

function assumedBy(draft: Draft, part: string, service: string): void {
  const trust = mutable(draft.properties(ROLE, part)['AssumeRolePolicyDocument']);
  mutable(listOf(trust['Statement'])[0])['Principal'] = { Service: service };
}

export const RIGHTS: readonly Mutation[] = [
  {
    name: 'a right that nobody needs',
    caught: 'grant-unused',
    naming: 'dynamodb:Scan',
    plant: (draft) => {
      const statement = draft.statement('MessageRole', 'dynamodb:Query');
      statement['Action'] = [...listOf(statement['Action']), 'dynamodb:Scan'];
    },
  },
  {
    name: 'the message function may not manage connections',
    caught: 'access-denied',
    naming: 'execute-api:ManageConnections',
    plant: (draft) => {
      draft.statement('MessageRole', 'execute-api:ManageConnections')['Action'] = 'execute-api:No';
    },
  },
  {
    name: 'the message function may post, but not close',
    caught: 'access-denied',
    naming: '/DELETE/@connections/',
    plant: (draft) => {
      const statement = draft.statement('MessageRole', 'execute-api:ManageConnections');
      statement['Resource'] = listOf(statement['Resource']).slice(0, 1);
    },
  },
  {
    name: 'connections may be managed on another stage only',
    caught: 'access-denied',
    naming: 'execute-api:ManageConnections',
    plant: (draft) => {
      const statement = draft.statement('MessageRole', 'execute-api:ManageConnections');
      statement['Resource'] = JSON.parse(
        JSON.stringify(statement['Resource']).replaceAll('/ws/', '/v1/'),
      );
    },
  },
  {
    name: 'the connect function may not write',
    caught: 'access-denied',
    naming: 'dynamodb:PutItem',
    plant: (draft) => {
      draft.statement('ConnectRole', 'dynamodb:PutItem')['Action'] = 'dynamodb:GetItem';
    },
  },
  {
    name: 'the message function may not query',
    caught: 'access-denied',
    naming: 'dynamodb:Query',
    plant: (draft) => withdraw(draft.statement('MessageRole', 'dynamodb:Query'), 'dynamodb:Query'),
  },
  {
    name: 'the table right is on another table',
    caught: 'access-denied',
    naming: 'dynamodb:',
    plant: (draft) => {
      draft.statement('MessageRole', 'dynamodb:Query')['Resource'] =
        'arn:aws:dynamodb:us-east-1:123456789012:table/Other';
    },
  },
  {
    name: 'a function may not write its log',
    caught: 'access-denied',
    naming: 'logs:PutLogEvents',
    plant: (draft) =>
      withdraw(draft.statement('ConnectRole', 'logs:PutLogEvents'), 'logs:PutLogEvents'),
  },
  {
    name: 'the gateway may not send to the queue',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    plant: (draft) => {
      draft.statement('SendRole', 'sqs:SendMessage')['Action'] = 'sqs:ReceiveMessage';
    },
  },
  {
    name: 'the queue refuses everybody, over TLS too',
    caught: 'source-unreadable',
    plant: (draft) => {
      const document = draft.properties('AWS::SQS::QueuePolicy', 'Messages')['PolicyDocument'];
      mutable(listOf(mutable(document)['Statement'])[0])['Condition'] = undefined;
    },
  },
  {
    name: 'the event source may not read its queue',
    caught: 'source-unreadable',
    naming: 'sqs:ReceiveMessage',
    plant: (draft) =>
      withdraw(draft.statement('MessageRole', 'sqs:ReceiveMessage'), 'sqs:ReceiveMessage'),
  },
  {
    name: 'Lambda may not assume a role',
    caught: 'role-not-assumable',
    plant: (draft) => assumedBy(draft, 'MessageRole', 'ec2.amazonaws.com'),
  },
  {
    name: 'API Gateway may not assume the sender’s role',
    caught: 'role-not-assumable',
    plant: (draft) => assumedBy(draft, 'SendRole', 'lambda.amazonaws.com'),
  },
  {
    name: 'a condition that is not understood',
    caught: 'unknown-condition-operator',
    naming: 'NumericLessThan',
    plant: (draft) => {
      draft.statement('ConnectRole', 'logs:PutLogEvents')['Condition'] = {
        NumericLessThan: { 'aws:MultiFactorAuthAge': '1' },
      };
    },
  },
  {
    name: 'a managed policy that is not known',
    caught: 'unknown-managed-policy',
    naming: 'AmazonDynamoDBFullAccess',
    plant: (draft) => {
      draft.properties(ROLE, 'ConnectRole')['ManagedPolicyArns'] = [
        'arn:aws:iam::aws:policy/AmazonDynamoDBFullAccess',
      ];
    },
  },
  {
    name: 'a Deny that outweighs the Allow',
    caught: 'access-denied',
    naming: 'dynamodb:',
    plant: (draft) => denyAll(draft, 'MessageRole', 'dynamodb:*'),
  },
];

function denyAll(draft: Draft, rolePart: string, action: string): void {
  const document = mutable(draft.properties(POLICY, rolePart)['PolicyDocument']);
  listOf(document['Statement']).push({ Effect: 'Deny', Action: action, Resource: '*' });
}
