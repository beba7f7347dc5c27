/** Faults between those who divide an audience and `work`, which posts to its parts. */
import { type Draft, listOf, mutable, withdraw } from './draft.ts';
import type { Mutation } from './mutation.ts';

const QUEUE = 'AWS::SQS::Queue';
const SOURCE = 'AWS::Lambda::EventSourceMapping';
const JOBS = 'LaterJobs';
const MAPPING = 'WorkJobs';

const TOPIC =
  'an audience divided among functions hears each message once, and its sender a RECEIPT';
const ROOM =
  'a room divided among functions hears everything in one order, who joins late from there on';

/** The statements of a role that name the queue of jobs. */
function ofJobs(draft: Draft, role: string, action: string): ReturnType<typeof mutable> {
  const document = mutable(draft.properties('AWS::IAM::Policy', role)['PolicyDocument']);
  const found = listOf(document['Statement']).find((one) => {
    const text = JSON.stringify(one);
    return text.includes(JOBS) && text.includes(action);
  });
  if (found === undefined) throw new Error(`${role} has no ${action} on the queue of jobs`);
  return mutable(found);
}

/** The first part of an audience fails once, as if its time had run out, and is handed back. */
const FAILS_ONCE = `import * as real from './real.mjs';
let failed = false;
export const work = async (event) => {
  const [record] = event.Records ?? [];
  if (failed || !record?.body.includes('"shard"')) return real.work(event);
  failed = true;
  return { batchItemFailures: [{ itemIdentifier: record.messageId }] };
};`;

const PLANTED: readonly Mutation[] = [
  {
    name: 'jobs go through standard queues',
    caught: 'journey-failed',
    naming: "'ERROR'",
    plant: (draft) => {
      for (const part of [JOBS, 'LaterDeadJobs']) {
        const properties = draft.properties(QUEUE, part);
        for (const key of ['FifoQueue', 'DeduplicationScope', 'FifoThroughputLimit']) {
          properties[key] = undefined;
        }
      }
    },
  },
  {
    name: 'names of jobs count in the whole queue: its parts have the same',
    caught: 'wrong-value',
    naming: 'queue with perMessageGroupId',
    plant: (draft) => {
      draft.properties(QUEUE, JOBS)['DeduplicationScope'] = 'queue';
    },
  },
  {
    name: 'jobs show again before they have to be done',
    caught: 'visibility-below-timeout',
    naming: 'Jobs',
    plant: (draft) => {
      draft.properties(QUEUE, JOBS)['VisibilityTimeout'] = 20;
    },
  },
  {
    name: 'no function does the jobs',
    caught: 'queue-unread',
    naming: 'Jobs',
    plant: (draft) => {
      delete draft.resources[draft.id(SOURCE, MAPPING)];
    },
  },
  {
    name: 'a job that is handed back is not given again',
    caught: 'failures-unread',
    // Its own module beside the bundle: an environment to itself.
    mode: 'frozen',
    plant: (draft) => {
      draft.properties(SOURCE, MAPPING)['FunctionResponseTypes'] = undefined;
      draft.wrap('FunctionsWork', FAILS_ONCE);
    },
  },
  {
    name: 'the message function may not send jobs',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    plant: (draft) => withdraw(ofJobs(draft, 'MessageRole', 'sqs:SendMessage'), 'sqs:SendMessage'),
  },
  {
    name: 'the deliver function may not send jobs',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    journey: ROOM,
    plant: (draft) => withdraw(ofJobs(draft, 'DeliverRole', 'sqs:SendMessage'), 'sqs:SendMessage'),
  },
  {
    name: 'the work function may not take jobs off their queue',
    caught: 'source-unreadable',
    naming: 'sqs:DeleteMessage',
    plant: (draft) => withdraw(ofJobs(draft, 'WorkRole', 'sqs:DeleteMessage'), 'sqs:DeleteMessage'),
  },
  {
    name: 'jobs are sent to the queue of tasks',
    caught: 'access-denied',
    naming: 'sqs:SendMessage',
    plant: (draft) => {
      const properties = draft.properties('AWS::Lambda::Function', 'FunctionsMessage');
      const all = mutable(mutable(properties['Environment'])['Variables']);
      if (!('JOBS_URL' in all)) throw new Error(`no JOBS_URL among ${Object.keys(all).join()}`);
      all['JOBS_URL'] = { Ref: draft.id(QUEUE, 'LaterTasks') };
    },
  },
];

export const JOB_FAULTS: readonly Mutation[] = PLANTED.map((one) => ({
  journey: TOPIC,
  needs: JOBS,
  ...one,
}));
