/**
 * One loopback HTTP endpoint for the SDKs (`AWS_ENDPOINT_URL`) in which the access key id is the
 * role: the signature is checked, then every action and resource of the call against what the
 * template grants that role. Only then does the service behind it see the call.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ACCOUNT, REGION } from './names.ts';
import { checkSignature, type SignedRequest } from './signature.ts';

export interface ServiceResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What a call needs leave for. */
export interface Need {
  readonly action: string;
  readonly resource: string;
}

export interface ServiceCall {
  /** All of them must be allowed. */
  readonly needs: readonly Need[];
  run(): Promise<ServiceResponse>;
}

/** How a service words a refusal: its error's name and a sentence. */
export interface Service {
  /** The name in the credential scope. */
  readonly signingName: string;
  /** A response instead of a call: the service does not know what is asked. */
  read(request: SignedRequest): ServiceCall | ServiceResponse;
  refusal(code: RefusalCode, message: string): ServiceResponse;
}

export type RefusalCode = 'AccessDeniedException' | 'InvalidSignatureException';

/** What stands behind the endpoint; it can be made only when the endpoint's URL is known. */
export interface Behind {
  /** Whether a role may do this to that. */
  readonly allows: (role: string, action: string, resource: string) => boolean;
  readonly services: readonly Service[];
}

export interface Endpoint {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  /** Until this is called every call fails. */
  attach(behind: Behind): void;
  close(): Promise<void>;
}

/** `onRefusal` hears of every refusal, in words: handlers may swallow what they are told. */
export async function openEndpoint(onRefusal: (what: string) => void): Promise<Endpoint> {
  let behind: Behind = { allows: () => false, services: [] };
  const server = createServer((incoming, outgoing) => {
    // A function that was killed in the middle of a call is nobody's fault here.
    serve(incoming, outgoing, { ...behind, onRefusal }).catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = 60_000;
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    attach: (given) => {
      behind = given;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface EndpointOptions extends Behind {
  readonly onRefusal: (what: string) => void;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      // A TCP server's address is an AddressInfo; only pipes have a string.
      const address = server.address() as AddressInfo;
      resolve(address.port);
    });
  });
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: EndpointOptions,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const request: SignedRequest = {
    method: incoming.method ?? '',
    target: incoming.url ?? '/',
    headers: incoming.headers,
    body: Buffer.concat(chunks),
  };
  let response: ServiceResponse;
  try {
    response = await answer(request, options);
  } catch (cause) {
    options.onRefusal(`the stand-in itself failed: ${String(cause)}`);
    response = { status: 500, body: String(cause) };
  }
  outgoing.writeHead(response.status, {
    'x-amzn-requestid': '00000000-0000-0000-0000-000000000000',
    ...response.headers,
  });
  outgoing.end(response.body ?? '');
}

async function answer(request: SignedRequest, options: EndpointOptions): Promise<ServiceResponse> {
  const signer = checkSignature(request);
  const scope = typeof signer === 'string' ? '' : signer.service;
  const service = options.services.find(({ signingName }) => signingName === scope);
  if (typeof signer === 'string' || service === undefined) {
    const what = typeof signer === 'string' ? signer : `no such service: ${scope}`;
    options.onRefusal(`${request.method} ${request.target}: ${what}`);
    return { status: 403, body: JSON.stringify({ message: what }) };
  }
  if (signer.region !== REGION) {
    const what = `Credential should be scoped to a valid region, not ${signer.region}`;
    options.onRefusal(`${signer.role}: ${what}`);
    return service.refusal('InvalidSignatureException', what);
  }
  const call = service.read(request);
  if (!('needs' in call)) {
    options.onRefusal(`${signer.role}: ${request.method} ${request.target}: ${String(call.body)}`);
    return call;
  }
  const missing = call.needs.find(
    ({ action, resource }) => !options.allows(signer.role, action, resource),
  );
  if (missing === undefined) return call.run();
  const user = `arn:aws:sts::${ACCOUNT}:assumed-role/${signer.role}/session`;
  const what = `User: ${user} is not authorized to perform: ${missing.action} on resource: ${missing.resource}`;
  options.onRefusal(what);
  return service.refusal('AccessDeniedException', what);
}
