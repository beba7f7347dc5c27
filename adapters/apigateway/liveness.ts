/** Whether a connection lives, as API Gateway itself knows: `$disconnect` may never have come. */
import {
  type ApiGatewayManagementApiClient,
  GetConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import type { Liveness } from '../../broker/ports.ts';
import { statusOf } from './management.ts';

/**
 * Throttles and 5xx are retried by the client, as its maker set it; what is left of them is thrown,
 * for a connection that could not be asked after is not gone.
 */
export function gatewayLiveness(client: ApiGatewayManagementApiClient): Liveness {
  return {
    async alive(connectionId) {
      try {
        await client.send(new GetConnectionCommand({ ConnectionId: connectionId }));
        return true;
      } catch (fault) {
        if (statusOf(fault) === 410) return false;
        throw fault;
      }
    },
  };
}
