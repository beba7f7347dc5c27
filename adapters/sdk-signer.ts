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

/** Headers that were signed before, or that AWS does not want signed. */
const LEFT = ['authorization', 'user-agent'];

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
    const { method, path, body = '', headers } = request;
    const entries = Object.entries(headers);
    const signed = signedHeaders(
      {
        method,
        path,
        body,
        headers: Object.fromEntries(entries.filter(([name]) => !LEFT.includes(name))),
        region: signingRegion ?? region,
        service: signingService ?? service,
      },
      signingDate,
      await credentials(),
    );
    const copy = request.clone();
    copy.headers = { ...headers, ...signed };
    return copy;
  }
}
