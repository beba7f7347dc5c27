/** `@connections` behind the endpoint: the strict gateway's management side over HTTP. */
import type { Management } from '../../local/management.ts';
import type { Service, ServiceResponse } from './endpoint.ts';
import { ACCOUNT, REGION } from './names.ts';
import type { WebSocketApi } from './routes.ts';
import type { SignedRequest } from './signature.ts';

const PATH = /^\/([^/]+)\/@connections\/([^/?]+)$/;
const METHODS: ReadonlySet<string> = new Set(['POST', 'GET', 'DELETE']);

export function connectionsService(api: WebSocketApi, management: Management): Service {
  return {
    signingName: 'execute-api',
    read: (request) => {
      const [, stage = '', id = ''] = PATH.exec(request.target) ?? [];
      if (stage !== api.stage || !METHODS.has(request.method)) return failure(403, 'Forbidden');
      const resource = `${api.id}/${stage}/${request.method}/@connections/${decodeURIComponent(id)}`;
      return {
        needs: [
          {
            action: 'execute-api:ManageConnections',
            resource: `arn:aws:execute-api:${REGION}:${ACCOUNT}:${resource}`,
          },
        ],
        run: () => manage(management, request, decodeURIComponent(id)),
      };
    },
    refusal: (code, message) => failure(403, code, message),
  };
}

async function manage(
  gateway: Management,
  request: SignedRequest,
  id: string,
): Promise<ServiceResponse> {
  if (request.method === 'POST') {
    const posted = await gateway.post(id, request.body);
    const { status, reason } = typeof posted === 'number' ? { status: posted } : posted;
    if (status === 200) return { status };
    // The code is the same for both reasons of a 429.
    const words = reason === 'buffer' ? ['The client side buffer is full'] : [];
    return failure(status, POST_ERRORS[status] ?? 'Failure', ...words);
  }
  if (request.method === 'DELETE') {
    const status = gateway.delete(id);
    return status === 204 ? { status } : failure(status, 'GoneException');
  }
  const facts = gateway.get(id);
  if (facts === undefined) return failure(410, 'GoneException');
  const body = {
    connectedAt: new Date(facts.connectedAt).toISOString(),
    lastActiveAt: new Date(facts.lastActiveAt).toISOString(),
    identity: facts.identity,
  };
  return { status: 200, body: JSON.stringify(body) };
}

const POST_ERRORS: Readonly<Record<number, string>> = {
  400: 'BadRequestException',
  410: 'GoneException',
  413: 'PayloadTooLargeException',
  429: 'LimitExceededException',
};

function failure(status: number, code: string, message = code): ServiceResponse {
  return {
    status,
    headers: { 'x-amzn-errortype': code, 'content-type': 'application/json' },
    body: JSON.stringify({ message }),
  };
}
