/**
 * In the bundles this stands in for `@smithy/signature-v4`, of which the SDK's clients sign single
 * requests alone: no URLs, streams of events or messages. A test holds it against the whole one.
 */
import type { Credentials } from './environment-credentials.ts';
import { signedHeaders } from './signed-headers.ts';

/** What of the SDK's HttpRequest is looked at. */
interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string | Uint8Array;
  headers: Record<string, string>;
  clone(): Request;
}

interface Signing {
  readonly signingDate: Date;
  readonly signingRegion?: string;
  readonly signingService?: string;
}

/**
 * Not signed: an earlier signature, and what others may write to on the way. A function's SDK adds
 * the last to each request, spelt in capitals.
 */
const LEFT = ['authorization', 'user-agent', 'x-amzn-trace-id'];

export class SignatureV4 {
  private readonly config;

  constructor(config: {
    readonly credentials: () => Promise<Credentials>;
    readonly region: string;
    readonly service: string;
  }) {
    this.config = config;
  }

  async sign(request: Request, signing: Signing): Promise<Request> {
    const { signingDate, signingRegion, signingService } = signing;
    const { credentials, region, service } = this.config;
    const { method, path, body = '' } = request;
    const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
      name.toLowerCase(),
      value,
    ]);
    const signed = signedHeaders(
      {
        method,
        path,
        body,
        headers: Object.fromEntries(headers.filter(([name]) => !LEFT.includes(name))),
        region: signingRegion ?? region,
        service: signingService ?? service,
      },
      signingDate,
      await credentials(),
    );
    const copy = request.clone();
    copy.headers = { ...Object.fromEntries(headers), ...signed };
    return copy;
  }
}
