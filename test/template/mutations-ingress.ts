/** Faults between the gateway and the message function: request template, queues, event source. */
import { type Draft, mutable } from './draft.ts';
import type { Mutation } from './mutation.ts';

const INTEGRATION = 'AWS::ApiGatewayV2::Integration';
const QUEUE = 'AWS::SQS::Queue';
const SOURCE = 'AWS::Lambda::EventSourceMapping';

/** Replaces text in the request template of `$default`. */
function template(draft: Draft, from: string, to: string): void {
  const templates = mutable(draft.properties(INTEGRATION, 'Queue')['RequestTemplates']);
  const text = String(templates['$default']);
  if (!text.includes(from)) throw new Error(`the request template has no ${from}`);
  templates['$default'] = text.replace(from, to);
}

export const INGRESS: readonly Mutation[] = [
  {
    name: 'passthrough of what no template matches',
    caught: 'wrong-value',
    naming: 'PassthroughBehavior',
    plant: (draft) => {
      draft.properties(INTEGRATION, 'Queue')['PassthroughBehavior'] = 'WHEN_NO_MATCH';
    },
  },
  {
    name: 'no request template matches',
    caught: 'integration-failed',
    naming: '415',
    plant: (draft) => {
      const templates = mutable(draft.properties(INTEGRATION, 'Queue')['RequestTemplates']);
      templates['application/json'] = templates['$default'];
      templates['$default'] = undefined;
    },
  },
  {
    name: 'the body goes raw: a STOMP frame ends with NUL',
    caught: 'integration-failed',
    plant: (draft) => template(draft, '$util.base64Encode($input.body)', '$input.body'),
  },
  {
    name: 'no message group',
    caught: 'integration-failed',
    naming: 'MessageGroupId',
    plant: (draft) => template(draft, 'MessageGroupId=$util.urlEncode($context.connectionId)&', ''),
  },
  {
    name: 'no de-duplication id',
    caught: 'integration-failed',
    plant: (draft) =>
      template(draft, 'MessageDeduplicationId=$util.urlEncode($context.requestId)&', ''),
  },
  {
    name: 'an attribute that is empty',
    caught: 'integration-failed',
    plant: (draft) =>
      template(draft, '$util.urlEncode($context.messageId)', '$context.identity.userAgent'),
  },
  {
    name: 'an attribute that the handler needs is not sent',
    caught: 'journey-failed',
    plant: (draft) => template(draft, 'Name=messageId', 'Name=mesageId'),
  },
  {
    name: 'a variable that API Gateway does not have',
    caught: 'unknown-template-expression',
    plant: (draft) => template(draft, '$context.requestTimeEpoch', '$context.requestEpoch'),
  },
  {
    name: 'a method that is not understood here',
    caught: 'unknown-template-expression',
    naming: '$input.json',
    plant: (draft) => template(draft, '$input.body', "$input.json('$')"),
  },
  {
    name: 'the form is called JSON',
    caught: 'wrong-value',
    naming: 'application/json',
    plant: (draft) => {
      draft.properties(INTEGRATION, 'Queue')['RequestParameters'] = {
        'integration.request.header.Content-Type': "'application/json'",
      };
    },
  },
  {
    name: 'visibility below the function’s time-out',
    caught: 'visibility-below-timeout',
    plant: (draft) => {
      draft.properties(QUEUE, 'IngressMessages')['VisibilityTimeout'] = 20;
    },
  },
  {
    name: 'no function reads the queue',
    caught: 'queue-unread',
    plant: (draft) => {
      delete draft.resources[draft.id(SOURCE, 'MessageMessages')];
    },
  },
  {
    name: 'dead letters of a FIFO queue in a standard queue',
    caught: 'wrong-value',
    naming: 'redrive',
    plant: (draft) => {
      const properties = draft.properties(QUEUE, 'IngressDeadLetters');
      for (const key of ['FifoQueue', 'DeduplicationScope', 'FifoThroughputLimit']) {
        properties[key] = undefined;
      }
    },
  },
  {
    name: 'a batch larger than FIFO allows',
    caught: 'wrong-value',
    naming: 'BatchSize',
    plant: (draft) => {
      draft.properties(SOURCE, 'MessageMessages')['BatchSize'] = 11;
    },
  },
];
