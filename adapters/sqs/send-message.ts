/**
 * Stands in for `@aws-sdk/client-sqs` in the bundles: of all that client can do only SendMessage is
 * asked for, and the whole of it would be an eighth of a bundle. Amazon SQS API Reference, "Making
 * query requests with the JSON protocol"; Signature Version 4, IAM User Guide. The adapters beside
 * this are written, and tested, against the SDK's own; only esbuild's alias imports this.
 */
import { Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { callAws, faultOf, jsonHeaders } from '../aws-json.ts';
import { defaultProvider } from '../environment-credentials.ts';

interface SendMessageInput {
  readonly QueueUrl: string;
  readonly MessageBody: string;
}

export class SendMessageCommand {
  readonly input: SendMessageInput;
  constructor(input: SendMessageInput) {
    this.input = input;
  }
}

/** As the SDK's standard mode: three attempts in all, a jittered pause between. */
const ATTEMPTS_MAX = 3;
const PAUSE_MILLISECONDS = 100;
/** SQS answers in tens of milliseconds; a request slower than this is lost. */
const REQUEST_MILLISECONDS_MAX = 3000;

export class SQSClient {
  readonly config = { region: process.env['AWS_REGION'] ?? '' };
  private readonly agent = new Agent({ keepAlive: true });
  private readonly credentials = defaultProvider();

  /** Throws an error by the name SQS gave it. A message may go out twice if an answer is lost. */
  async send({ input }: SendMessageCommand): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const fault = await this.attempt(input).catch((cause: unknown) => ({ cause, passing: true }));
      if (fault === undefined) return;
      if (!fault.passing || attempt === ATTEMPTS_MAX) throw fault.cause;
      await sleep(Math.random() * PAUSE_MILLISECONDS * 2 ** (attempt - 1));
    }
  }

  private async attempt(input: SendMessageInput): Promise<Fault | undefined> {
    const answer = await callAws(
      {
        url: new URL('/', input.QueueUrl),
        service: 'sqs',
        region: this.config.region,
        headers: jsonHeaders('AmazonSQS.SendMessage', '1.0'),
        body: JSON.stringify(input),
        milliseconds: REQUEST_MILLISECONDS_MAX,
        agent: this.agent,
      },
      await this.credentials(),
    );
    const { status } = answer;
    if (status < 300) return undefined;
    const cause = faultOf('SQS', answer);
    return { cause, passing: status >= 500 || status === 429 || /Throttl/.test(cause.name) };
  }
}

interface Fault {
  readonly cause: unknown;
  readonly passing: boolean;
}
