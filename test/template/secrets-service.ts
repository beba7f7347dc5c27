/** Secrets Manager behind the endpoint: GetSecretValue, by the JSON protocol. */
import type { Service, ServiceResponse } from './endpoint.ts';
import { isObject } from './json.ts';

/** Secrets by ARN. */
export function secretsService(secrets: Readonly<Record<string, string>>): Service {
  return {
    signingName: 'secretsmanager',
    read: (request) => {
      const input: unknown = JSON.parse(Buffer.from(request.body).toString() || '{}');
      const target = request.headers['x-amz-target'];
      if (!isObject(input) || target !== 'secretsmanager.GetSecretValue') {
        return failure(400, 'InvalidRequestException', `${String(target)} is not served here`);
      }
      const arn = String(input['SecretId']);
      return {
        needs: [{ action: 'secretsmanager:GetSecretValue', resource: arn }],
        run: async () => {
          const SecretString = secrets[arn];
          if (SecretString === undefined) return failure(400, 'ResourceNotFoundException', arn);
          return { status: 200, body: JSON.stringify({ ARN: arn, SecretString }) };
        },
      };
    },
    refusal: (code, message) => failure(400, code, message),
  };
}

function failure(status: number, __type: string, message: string): ServiceResponse {
  return { status, body: JSON.stringify({ __type, Message: message }) };
}
