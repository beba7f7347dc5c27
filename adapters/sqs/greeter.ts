/**
 * Has a connection greeted beside the `$connect` that asks for it, through a standard queue: mostly
 * within tens of milliseconds, at least once. What is said twice is greeted once (lambda/greet.ts).
 */
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface Greeting {
  readonly connectionId: string;
  /** Engine.IO's greeting, not SockJS's. */
  readonly engine?: boolean;
}

export function sqsGreeter(world: { readonly client: SQSClient; readonly queueUrl: string }) {
  const { client, queueUrl } = world;
  return {
    async greet(greeting: Greeting): Promise<void> {
      const MessageBody = JSON.stringify(greeting);
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
    },
  };
}

/** The greeting that a message of the queue holds; undefined if it is none. */
export function readGreeting(body: string): Greeting | undefined {
  const { connectionId, engine }: { connectionId?: unknown; engine?: unknown } = parsed(body);
  if (typeof connectionId !== 'string') return undefined;
  return engine === true ? { connectionId, engine } : { connectionId };
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
