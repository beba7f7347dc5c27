/** Faults in functions: their settings, their variables, their code. */
import { type Draft, mutable } from './draft.ts';
import type { Mutation } from './mutation.ts';

const LAMBDA = 'AWS::Lambda::Function';

function variables(draft: Draft, part: string): Record<string, unknown> {
  return mutable(mutable(draft.properties(LAMBDA, part)['Environment'])['Variables']);
}

export const FUNCTIONS: readonly Mutation[] = [
  {
    name: 'the handler names a file that is not there',
    caught: 'handler-file-missing',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsConnect')['Handler'] = 'main.connect';
    },
  },
  {
    name: 'the handler names an export that is not there',
    caught: 'handler-export-missing',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsConnect')['Handler'] = 'index.conect';
    },
  },
  {
    name: 'a runtime that does not exist',
    caught: 'invalid-runtime',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsConnect')['Runtime'] = 'nodejs25.x';
    },
  },
  {
    name: 'no role',
    caught: 'missing-property',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsConnect')['Role'] = undefined;
    },
  },
  {
    name: 'code that was never uploaded',
    caught: 'asset-missing',
    plant: (draft) => {
      mutable(draft.properties(LAMBDA, 'FunctionsConnect')['Code'])['S3Key'] = 'elsewhere.zip';
    },
  },
  {
    name: 'a reserved variable',
    caught: 'wrong-value',
    naming: 'AWS_REGION is reserved',
    plant: (draft) => {
      variables(draft, 'FunctionsConnect')['AWS_REGION'] = 'us-east-1';
    },
  },
  {
    name: 'the table’s variable is missing',
    caught: 'handler-failed',
    plant: (draft) => {
      variables(draft, 'FunctionsMessage')['TABLE_NAME'] = undefined;
    },
  },
  {
    name: 'the table’s variable names another table',
    caught: 'access-denied',
    naming: 'table/Other',
    plant: (draft) => {
      variables(draft, 'FunctionsMessage')['TABLE_NAME'] = 'Other';
    },
  },
  {
    name: 'the management endpoint has another stage',
    caught: 'access-denied',
    naming: '/prod/@connections/',
    plant: (draft) => {
      const all = variables(draft, 'FunctionsMessage');
      all['MANAGEMENT_ENDPOINT'] = JSON.parse(
        JSON.stringify(all['MANAGEMENT_ENDPOINT']).replace('/ws', '/prod'),
      );
    },
  },
  {
    name: 'the disconnect function is given the wrong queue',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    plant: (draft) => {
      variables(draft, 'FunctionsDisconnect')['QUEUE_URL'] = {
        Ref: draft.id('AWS::SQS::Queue', 'IngressDeadLetters'),
      };
    },
  },
  {
    name: 'too little memory',
    caught: 'wrong-value',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsConnect')['MemorySize'] = 64;
    },
  },
  {
    name: 'a bundle that leans on a package outside it',
    caught: 'handler-failed',
    naming: "Cannot find package 'ws'",
    plant: (draft) => draft.wrap('FunctionsConnect', "import 'ws'; export * from './real.mjs';"),
  },
  {
    name: 'a handler that crashes',
    caught: 'handler-failed',
    naming: 'planted crash',
    plant: (draft) =>
      draft.wrap(
        'FunctionsMessage',
        "export const message = async () => { throw new Error('planted crash'); };",
      ),
  },
  {
    name: 'a handler that answers before its work is done',
    caught: 'journey-failed',
    mode: 'frozen',
    plant: (draft) =>
      draft.wrap(
        'FunctionsMessage',
        `import * as real from './real.mjs';
        export const message = async (event) => {
          void real.message(event);
          return { batchItemFailures: [] };
        };`,
      ),
  },
  {
    name: 'a handler that never answers',
    caught: 'handler-failed',
    naming: 'Task timed out after 1.00 seconds',
    plant: (draft) => {
      draft.properties(LAMBDA, 'FunctionsMessage')['Timeout'] = 1;
      draft.wrap('FunctionsMessage', 'export const message = () => new Promise(() => {});');
    },
  },
];
