/** Secrets Manager and Parameter Store, asked for one secret, by its ARN. */
import { callAws, faultOf, jsonHeaders } from '../aws-json.ts';
import { credentialsIn } from '../environment-credentials.ts';
import { regionalEndpoints } from '../regional-endpoint.ts';

/** A client waits for it at its first token: longer, and its handshake is lost anyway. */
const REQUEST_MILLISECONDS_MAX = 3_000;
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

/** Asks the service; `variables` are a function's own, with its credentials. */
export function secretFetcher(
  variables: Readonly<Record<string, string | undefined>>,
): (arn: string) => Promise<string> {
  return async (arn) => {
    const [, , name = '', region = ''] = arn.split(':');
    const service = name === 'ssm' ? 'ssm' : 'secretsmanager';
    const { target, ask, found } = SERVICES[service];
    const Endpoint = variables['AWS_ENDPOINT_URL'];
    const asked = { Region: region, ...(Endpoint === undefined ? {} : { Endpoint }) };
    const answer = await callAws(
      {
        url: new URL('/', regionalEndpoints(service)(asked).url),
        service,
        region,
        headers: jsonHeaders(target, '1.1'),
        body: JSON.stringify(ask(arn)),
        milliseconds: REQUEST_MILLISECONDS_MAX,
      },
      credentialsIn(variables),
    );
    // The answer holds the secret: no word of it may reach an error.
    if (answer.status >= 300) throw faultOf(service, answer);
    const secret = found(parsed(answer.text));
    if (typeof secret === 'string') return secret;
    throw new Error(`${service}: ${arn} holds no text`);
  };
}

/** What is wrong with a text is told by words of it: not of this one. */
function parsed(text: string): Answered {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}
