/**
 * `@connections` at a tenth and less of the SDK's CPU a post: posts are signed here and leave over
 * a sender of our own; the rare DELETE goes through the SDK's client, whose region and credentials
 * sign posts as well, fresh ones as soon as it has them.
 */
import type { ApiGatewayManagementApiClient } from '@aws-sdk/client-apigatewaymanagementapi';
import type { Clock } from '../../broker/ports.ts';
import { type Answer, type Management, sdkManagement } from './management.ts';
import type { Sender, SenderAnswer } from './sender.ts';
import { type PostSigner, postSigner } from './signature.ts';

export interface FastOptions {
  /** As for `sdkManagement`, with the same endpoint. */
  readonly client: ApiGatewayManagementApiClient;
  readonly endpoint: string;
  readonly sender: Sender;
  readonly clock: Clock;
}

export function fastManagement({ client, endpoint, sender, clock }: FastOptions): Management {
  let signing: Promise<PostSigner> | undefined;
  let signer: PostSigner | undefined;
  const ready = async (): Promise<PostSigner> => {
    signing ??= client.config.region().then((region) => postSigner({ endpoint, region }));
    signer = await signing;
    return signer;
  };
  return {
    ...sdkManagement(client),
    async post(connectionId, body) {
      try {
        const { sign } = signer ?? (await ready());
        const credentials = await client.config.credentials();
        const signed = sign({ connectionId, body, now: clock.now() }, credentials);
        return answerOf(await sender.send(signed, body));
      } catch (cause) {
        return { status: undefined, words: '', cause };
      }
    },
  };
}

const DONE: Answer = { status: 200, words: '' };

function answerOf({ status, errorType, body }: SenderAnswer): Answer {
  if (status >= 200 && status < 300) return DONE;
  const words = `${errorType} ${body.toString()}`.trim();
  return { status, words, cause: new Error(`The gateway answered ${status}: ${words}`) };
}
