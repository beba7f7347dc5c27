/**
 * The operator's own Lambdas, asked: Lambda's Invoke (Lambda API Reference, "Invoke"), without the
 * SDK's client, which would be a hundred times as large.
 */
import { Agent } from 'node:https';
import type { ApplicationRequest, Credentials } from '../../broker/ports.ts';
import { callAws, faultOf } from '../aws-json.ts';
import { credentialsIn } from '../environment-credentials.ts';
import { regionalEndpoints } from '../regional-endpoint.ts';

/** Longer than any application may take: whoever waits for it has given it up before. */
const REQUEST_MILLISECONDS_MAX = 10_000;

/**
 * Synchronous, and tried once: the message behind it is given again, with the same id. `variables`
 * are a function's own, with its Region and credentials.
 */
export function makeInvoke(
  variables: Readonly<Record<string, string | undefined>>,
): (name: string, request: ApplicationRequest | Credentials) => Promise<unknown> {
  const agent = new Agent({ keepAlive: true });
  return async (name, request) => {
    const Endpoint = variables['AWS_ENDPOINT_URL'];
    // A function of another Region is named by its ARN, and asked there.
    const region = name.split(':')[3] ?? variables['AWS_REGION'] ?? '';
    const asked = { Region: region, ...(Endpoint === undefined ? {} : { Endpoint }) };
    const { url } = regionalEndpoints('lambda')(asked);
    const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`;
    const answer = await callAws(
      {
        url: new URL(path, url),
        service: 'lambda',
        region,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(request),
        milliseconds: REQUEST_MILLISECONDS_MAX,
        agent,
      },
      credentialsIn(variables),
    );
    const { status, text, headers } = answer;
    if (status >= 300) throw faultOf('Lambda', answer);
    const fault = headers['x-amz-function-error'];
    if (fault !== undefined) throw new Error(`${name}: ${fault}: ${text.slice(0, 500)}`);
    return text === '' ? undefined : JSON.parse(text);
  };
}
