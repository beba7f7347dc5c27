/**
 * Stands in for `@aws-sdk/client-sqs` in the bundles: of all that client can do only SendMessage is
 * asked for, and the whole of it would be an eighth of a bundle. Amazon SQS API Reference, "Making
 * query requests with the JSON protocol"; Signature Version 4, IAM User Guide. The adapters beside
 * this are written, and tested, against the SDK's own; only esbuild's alias imports this.
 */
import { createHash, createHmac } from 'node:crypto';
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { Agent, request as secureRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
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
    const url = new URL('/', input.QueueUrl);
    const body = JSON.stringify(input);
    const signed = sign(
      { url, body, now: new Date(), region: this.config.region },
      await this.credentials(),
    );
    const { status, text, headers } = await exchange(url, body, signed, this.agent);
    return status < 300 ? undefined : faultOf(status, text, headers);
  }
}

interface Fault {
  readonly cause: unknown;
  readonly passing: boolean;
}

function faultOf(status: number, text: string, headers: IncomingHttpHeaders): Fault {
  const { __type, message } = parsed(text);
  const cause = new Error(`SQS answered ${status}: ${message ?? text}`);
  const type = String(__type ?? headers['x-amzn-errortype'] ?? 'SQSServiceException');
  cause.name = type.split('#').at(-1) ?? type;
  return { cause, passing: status >= 500 || status === 429 || /Throttl/.test(cause.name) };
}

function parsed(text: string): { readonly __type?: unknown; readonly message?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

interface Unsigned {
  readonly url: URL;
  readonly body: string;
  readonly now: Date;
  readonly region: string;
}

type Credentials = Awaited<ReturnType<ReturnType<typeof defaultProvider>>>;

function sign({ url, body, now, region }: Unsigned, credentials: Credentials) {
  const date = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = date.slice(0, 8);
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const headers: Readonly<Record<string, string>> = {
    'content-type': 'application/x-amz-json-1.0',
    host: url.host,
    'x-amz-date': date,
    ...(sessionToken === undefined ? {} : { 'x-amz-security-token': sessionToken }),
    'x-amz-target': 'AmazonSQS.SendMessage',
  };
  const names = Object.keys(headers).join(';');
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = `POST\n/\n\n${lines.join('')}\n${names}\n${sha256(body)}`;
  const scope = [day, region, 'sqs', 'aws4_request'];
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope.join('/')}\n${sha256(canonical)}`;
  const key = scope.reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${secretAccessKey}`,
  );
  const credential = `Credential=${accessKeyId}/${scope.join('/')}`;
  const signature = hmac(key, toSign).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`;
  return { ...headers, authorization };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

interface Exchanged {
  readonly status: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
}

function exchange(
  url: URL,
  body: string,
  headers: Readonly<Record<string, string>>,
  agent: Agent,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { ...headers }, timeout: REQUEST_MILLISECONDS_MAX };
    // `http:` is for tests against an endpoint on this machine.
    const request =
      url.protocol === 'https:'
        ? secureRequest(url, { ...options, agent })
        : plainRequest(url, options);
    request.on('timeout', () => request.destroy(new Error('SQS did not answer in time')));
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode ?? 0, text, headers: response.headers });
      });
    });
    request.end(body);
  });
}
