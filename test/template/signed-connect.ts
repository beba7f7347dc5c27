/** `$connect` with AWS_IAM: what API Gateway makes of a signed handshake before any function runs. */
import type { ConnectEvent, RouteResult } from '../../lambda/events.ts';
import type { Authority } from './iam.ts';
import { ACCOUNT, REGION } from './names.ts';
import type { WebSocketApi } from './routes.ts';
import { checkSignature } from './signature.ts';

const FORBIDDEN: RouteResult = { statusCode: 403, body: '{"message":"Forbidden"}' };

/** The event with its signer's identity, or the refusal. */
export function signedConnect(
  event: ConnectEvent,
  api: WebSocketApi,
  { allows }: Pick<Authority, 'allows'>,
): ConnectEvent | RouteResult {
  const headers = Object.fromEntries(
    Object.entries(event.headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const query = new URLSearchParams({ ...event.queryStringParameters }).toString();
  const target = `/${api.stage}${query === '' ? '' : `?${query}`}`;
  const request = { method: 'GET', target, headers, body: new Uint8Array(0) };
  const signer = checkSignature(request);
  if (typeof signer === 'string' || signer.service !== 'execute-api') return FORBIDDEN;
  const { role } = signer;
  const resource = `arn:aws:execute-api:${REGION}:${ACCOUNT}:${api.id}/${api.stage}/$connect`;
  if (!allows(role, 'execute-api:Invoke', resource)) return FORBIDDEN;
  const { requestContext } = event;
  const identity = {
    ...requestContext.identity,
    userArn: `arn:aws:sts::${ACCOUNT}:assumed-role/${role}/journey`,
    accountId: ACCOUNT,
    accessKey: role,
    cognitoIdentityId: null,
  };
  return { ...event, requestContext: { ...requestContext, identity } };
}
