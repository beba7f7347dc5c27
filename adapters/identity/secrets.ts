/**
 * Shared secrets that stand in Secrets Manager or, as SecureString, in Parameter Store: what the
 * template ships is their ARN alone. A secret is read when the first token needs it, and anew ten
 * minutes later, so that a rotated one is known everywhere soon; until it has been read nobody is
 * let in by it.
 */
import type { Clock } from '../../broker/ports.ts';
import { callAws, faultOf } from '../aws-json.ts';
import { defaultProvider } from '../environment-credentials.ts';
import { regionalEndpoints } from '../regional-endpoint.ts';

/** A client waits for it at its first token: longer, and its handshake is lost anyway. */
const REQUEST_MILLISECONDS_MAX = 3_000;
const AGE_MILLISECONDS = 600_000;
/** Services that hold secrets: how they are asked, and where their answer has it. */
const SERVICES = {
  secretsmanager: {
    target: 'secretsmanager.GetSecretValue',
    ask: (arn: string) => ({ SecretId: arn }),
    found: (json: Answered) => json.SecretString,
  },
  ssm: {
    target: 'AmazonSSM.GetParameter',
    ask: (arn: string) => ({ Name: arn, WithDecryption: true }),
    found: (json: Answered) => json.Parameter?.Value,
  },
} as const;

interface Answered {
  readonly SecretString?: unknown;
  readonly Parameter?: { readonly Value?: unknown };
}

export type SecretReader = () => Promise<Uint8Array>;

/** Whether a variable's value names a secret rather than being one. */
export function isSecretName(value: string): boolean {
  return /^arn:[\w-]+:(secretsmanager|ssm):/.test(value);
}

/** `fetch` asks the service. While a new reading fails the last known secret counts. */
export function secretReader(
  arn: string,
  clock: Clock,
  fetch: (arn: string) => Promise<string> = fetchSecret,
): SecretReader {
  let known: Promise<Uint8Array> | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.now();
    if (known !== undefined && now - readAt < AGE_MILLISECONDS) return known;
    readAt = now;
    const before = known;
    const reading = fetch(arn)
      .then((text): Uint8Array => Buffer.from(text))
      .catch((cause: unknown) => {
        if (before !== undefined) return before;
        // Nothing is known: the next token asks again.
        known = undefined;
        throw cause;
      });
    known = reading;
    return reading;
  };
}

/** Reads the environment for its Region and credentials, as any function on Lambda has them. */
async function fetchSecret(arn: string): Promise<string> {
  const [, , name = '', region = ''] = arn.split(':');
  const service = name === 'ssm' ? 'ssm' : 'secretsmanager';
  const { target, ask, found } = SERVICES[service];
  const Endpoint = process.env['AWS_ENDPOINT_URL'];
  const asked = { Region: region, ...(Endpoint === undefined ? {} : { Endpoint }) };
  const answer = await callAws(
    {
      url: new URL('/', regionalEndpoints(service)(asked).url),
      service,
      region,
      target,
      version: '1.1',
      body: JSON.stringify(ask(arn)),
      milliseconds: REQUEST_MILLISECONDS_MAX,
    },
    await defaultProvider()(),
  );
  // The answer holds the secret: no word of it may reach an error.
  if (answer.status >= 300) throw faultOf(service, answer);
  const secret = found(JSON.parse(answer.text));
  if (typeof secret === 'string') return secret;
  throw new Error(`${service}: ${arn} holds no text`);
}
