// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of AWS, not of JavaScript.
/** A cloud assembly written by hand, for what our own stack does not have (yet). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from './json.ts';

export interface Fixture {
  readonly folder: string;
  discard(): void;
}

/** `source` is the module of all its functions, `index.mjs`. */
export function fixture(resources: JsonObject, source: string): Fixture {
  const folder = mkdtempSync(join(tmpdir(), 'stompway-fixture-'));
  const write = (name: string, value: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(value));
  mkdirSync(join(folder, 'asset.code'));
  writeFileSync(join(folder, 'asset.code/index.mjs'), source);
  write('manifest.json', {
    artifacts: {
      Stack: {
        type: 'aws:cloudformation:stack',
        properties: { templateFile: 'Stack.template.json' },
      },
      'Stack.assets': { type: 'cdk:asset-manifest', properties: { file: 'Stack.assets.json' } },
    },
  });
  write('Stack.assets.json', {
    files: {
      code: {
        source: { path: 'asset.code', packaging: 'zip' },
        destinations: { here: { objectKey: 'code.zip' } },
      },
    },
  });
  write('Stack.template.json', { Resources: { ...socketApi(), ...resources } });
  return { folder, discard: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A function that runs `handler`, with the role `Role`. */
export function lambda(handler: string, variables: JsonObject = {}): JsonObject {
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Runtime: 'nodejs24.x',
      Handler: `index.${handler}`,
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Code: { S3Bucket: 'b', S3Key: 'code.zip' },
      Environment: { Variables: variables },
    },
  };
}

/** A role that Lambda may assume, with these statements and the right to log. */
export function role(...statements: readonly JsonObject[]): JsonObject {
  const assume = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { Service: 'lambda.amazonaws.com' },
  };
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: { Statement: [assume] },
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole'],
      Policies: statements.map((one, index) => ({
        PolicyName: `P${index}`,
        PolicyDocument: { Statement: [{ Effect: 'Allow', ...one }] },
      })),
    },
  };
}

/** What every assembly must have: an API whose routes end in the function `Routes`. */
function socketApi(): JsonObject {
  const ApiId = { Ref: 'Api' };
  const uri = [
    'arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/',
    { 'Fn::GetAtt': ['Routes', 'Arn'] },
    '/invocations',
  ];
  const routes = ['$connect', '$disconnect', '$default'].map((RouteKey) => [
    `Route${RouteKey.slice(1)}`,
    {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId,
        RouteKey,
        AuthorizationType: 'NONE',
        Target: { 'Fn::Sub': 'integrations/${Integration}' },
      },
    },
  ]);
  return {
    Api: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: {
        ProtocolType: 'WEBSOCKET',
        RouteSelectionExpression: '$request.body.action',
      },
    },
    Stage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId, StageName: 'ws', AutoDeploy: true },
    },
    Integration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::Join': ['', uri] },
      },
    },
    ...Object.fromEntries(routes),
    Routes: lambda('routes'),
    Permission: {
      Type: 'AWS::Lambda::Permission',
      Properties: {
        Action: 'lambda:InvokeFunction',
        FunctionName: { Ref: 'Routes' },
        Principal: 'apigateway.amazonaws.com',
      },
    },
  };
}
