/**
 * The entry of `applications.mjs`, shipped beside a bundle where the operator's own Lambdas are
 * asked: it alone holds the SDK's client of Lambda.
 */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ApplicationRequest, Credentials } from '../../broker/ports.ts';

/** Synchronous, and tried once: the message behind it is given again, with the same id. */
export function makeInvoke(
  client: Pick<LambdaClient, 'send'> = new LambdaClient({ maxAttempts: 1 }),
): (name: string, request: ApplicationRequest | Credentials) => Promise<unknown> {
  return async (name, request) => {
    const { FunctionError, Payload } = await client.send(
      new InvokeCommand({ FunctionName: name, Payload: Buffer.from(JSON.stringify(request)) }),
    );
    const text = Payload === undefined ? '' : Buffer.from(Payload).toString();
    if (FunctionError !== undefined) {
      throw new Error(`${name}: ${FunctionError}: ${text.slice(0, 500)}`);
    }
    return text === '' ? undefined : JSON.parse(text);
  };
}
