/** Lambda's Invoke behind the endpoint, waiting (RequestResponse) or not (Event). */
import type { Service, ServiceResponse } from './endpoint.ts';
import type { OnFault } from './fault.ts';
import type { LambdaFunction } from './functions.ts';
import { functionArn } from './names.ts';

const INVOKE = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/;
/** Asynchronous invocations are tried twice more (Lambda Developer Guide, "Asynchronous"). */
const ASYNCHRONOUS_TRIES = 3;

export function lambdaService(
  functions: ReadonlyMap<string, LambdaFunction>,
  onFault: OnFault,
): Service {
  return {
    signingName: 'lambda',
    read: (request) => {
      const asked = decodeURIComponent(INVOKE.exec(request.target)?.[1] ?? '');
      const name = asked.split(':').at(-1) ?? '';
      if (request.method !== 'POST' || name === '') {
        return failure(404, 'UnknownOperationException', request.target);
      }
      const target = functions.get(name);
      return {
        needs: [{ action: 'lambda:InvokeFunction', resource: functionArn(name) }],
        run: async () => {
          if (target === undefined) return failure(404, 'ResourceNotFoundException', name);
          const event: unknown = JSON.parse(Buffer.from(request.body).toString() || 'null');
          if (request.headers['x-amz-invocation-type'] === 'Event') {
            void invokeLater(target, event, onFault);
            return { status: 202 };
          }
          const answer = await target.invoke(event);
          if ('value' in answer) return { status: 200, body: answer.value };
          return {
            status: 200,
            headers: { 'x-amz-function-error': 'Unhandled' },
            body: JSON.stringify(answer),
          };
        },
      };
    },
    refusal: (code, message) => failure(403, code, message),
  };
}

async function invokeLater(
  target: LambdaFunction,
  event: unknown,
  onFault: OnFault,
): Promise<void> {
  for (let tried = 0; tried < ASYNCHRONOUS_TRIES; tried++) {
    if ('value' in (await target.invoke(event))) return;
  }
  onFault('handler-failed', `${target.spec.name} failed an asynchronous event three times`);
}

function failure(status: number, code: string, message: string): ServiceResponse {
  return {
    status,
    headers: { 'x-amzn-errortype': code, 'content-type': 'application/json' },
    body: JSON.stringify({ Message: message }),
  };
}
