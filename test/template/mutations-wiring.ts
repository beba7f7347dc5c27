/** Faults in routes, the stage, the table, and in the language of the template itself. */
import { type Draft, listOf, mutable } from './draft.ts';
import type { Mutation } from './mutation.ts';

const ROUTE = 'AWS::ApiGatewayV2::Route';
const PERMISSION = 'AWS::Lambda::Permission';
const TABLE = 'AWS::DynamoDB::Table';
const QUEUE = 'AWS::SQS::Queue';
const SOURCE = 'AWS::Lambda::EventSourceMapping';

function rename(draft: Draft, type: string, part: string, from: string, to: string): void {
  const properties = draft.properties(type, part);
  if (!(from in properties)) throw new Error(`${type} has no ${from}`);
  properties[to] = properties[from];
  properties[from] = undefined;
}

export const API: readonly Mutation[] = [
  {
    name: 'a route may not invoke its function',
    caught: 'invoke-not-permitted',
    plant: (draft) => {
      delete draft.resources[draft.id(PERMISSION, 'disconnectRoute')];
    },
  },
  {
    name: 'the permission is for another route',
    caught: 'invoke-not-permitted',
    naming: '$connect',
    plant: (draft) => {
      const properties = draft.properties(PERMISSION, 'iconnectRoute');
      const text = JSON.stringify(properties['SourceArn']);
      properties['SourceArn'] = JSON.parse(text.replace('$connect', '$disconnect'));
    },
  },
  {
    name: 'the permission is for another service',
    caught: 'invoke-not-permitted',
    plant: (draft) => {
      draft.properties(PERMISSION, 'iconnectRoute')['Principal'] = 'events.amazonaws.com';
    },
  },
  {
    name: 'a misspelt route key',
    caught: 'unknown-route-key',
    naming: '$conect',
    plant: (draft) => {
      draft.properties(ROUTE, 'iconnectRoute')['RouteKey'] = '$conect';
    },
  },
  {
    name: 'a route key without its dollar',
    caught: 'route-missing',
    naming: '$connect',
    plant: (draft) => {
      draft.properties(ROUTE, 'iconnectRoute')['RouteKey'] = 'connect';
    },
  },
  {
    name: 'a route that leads nowhere',
    caught: 'integration-missing',
    plant: (draft) => {
      draft.properties(ROUTE, 'iconnectRoute')['Target'] = 'integrations/none';
    },
  },
  {
    name: 'a route that wants signed requests',
    caught: 'journey-failed',
    naming: 'the handshake was refused with 403',
    plant: (draft) => {
      draft.properties(ROUTE, 'iconnectRoute')['AuthorizationType'] = 'AWS_IAM';
    },
  },
  {
    name: 'no stage',
    caught: 'stage-missing',
    plant: (draft) => {
      delete draft.resources[draft.id('AWS::ApiGatewayV2::Stage')];
    },
  },
  {
    name: 'a stage that is never deployed',
    caught: 'stage-missing',
    plant: (draft) => {
      draft.properties('AWS::ApiGatewayV2::Stage')['AutoDeploy'] = false;
    },
  },
];

export const TABLES: readonly Mutation[] = [
  {
    name: 'the table’s key has another name than the code’s',
    caught: 'key-schema',
    plant: (draft) => {
      const properties = draft.properties(TABLE);
      for (const key of ['KeySchema', 'AttributeDefinitions']) {
        properties[key] = JSON.parse(JSON.stringify(properties[key]).replace('"pk"', '"id"'));
      }
    },
  },
  {
    name: 'the table’s key has another type than the code’s',
    caught: 'key-schema',
    plant: (draft) => {
      mutable(listOf(draft.properties(TABLE)['AttributeDefinitions'])[1])['AttributeType'] = 'N';
    },
  },
  {
    name: 'a key that is not defined',
    caught: 'key-schema',
    plant: (draft) => {
      mutable(listOf(draft.properties(TABLE)['AttributeDefinitions'])[0])['AttributeName'] = 'id';
    },
  },
];

export const LANGUAGE: readonly Mutation[] = [
  {
    name: 'a misspelt property',
    caught: 'unknown-property',
    naming: 'Enviroment',
    plant: (draft) =>
      rename(draft, 'AWS::Lambda::Function', 'FunctionsConnect', 'Environment', 'Enviroment'),
  },
  {
    name: 'a misspelt property deep inside',
    caught: 'unknown-property',
    naming: 'MaxConcurrency',
    plant: (draft) => {
      draft.properties(SOURCE, 'MessageMessages')['ScalingConfig'] = { MaxConcurrency: 100 };
    },
  },
  {
    name: 'a resource type that is not known',
    caught: 'unknown-resource-type',
    naming: 'AWS::KMS::Key',
    plant: (draft) => {
      draft.resources['Key'] = { Type: 'AWS::KMS::Key', Properties: {} };
    },
  },
  {
    name: 'an intrinsic function that is not known',
    caught: 'unknown-intrinsic',
    naming: 'Fn::ImportValue',
    plant: (draft) => {
      draft.properties(PERMISSION, 'iconnectRoute')['SourceArn'] = { 'Fn::ImportValue': 'x' };
    },
  },
  {
    name: 'a reference to nothing',
    caught: 'unknown-reference',
    naming: 'Nothing',
    plant: (draft) => {
      draft.properties(SOURCE, 'MessageMessages')['FunctionName'] = { Ref: 'Nothing' };
    },
  },
  {
    name: 'an attribute that the resource does not have',
    caught: 'unknown-attribute',
    naming: 'Url',
    plant: (draft) => {
      const url = { 'Fn::GetAtt': [draft.id(QUEUE, 'IngressMessages'), 'Url'] };
      draft.properties(SOURCE, 'MessageMessages')['EventSourceArn'] = url;
    },
  },
];
