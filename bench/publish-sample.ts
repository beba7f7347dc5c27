/**
 * A handler on the SDK alone, as AWS's own chat sample goes about it with its known faults mended:
 * one client for all events, one Query in place of a Scan, and a connection that is gone is deleted
 * while the others get theirs.
 */
import {
  ApiGatewayManagementApiClient,
  GoneException,
  PostToConnectionCommand,
} from '@aws-sdk/client-apigatewaymanagementapi';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, DynamoDBDocumentClient, QueryCommand } from '@aws-sdk/lib-dynamodb';

const TableName = process.env['TABLE_NAME'];
const endpoint = process.env['MANAGEMENT_ENDPOINT'] ?? '';
const table = DynamoDBDocumentClient.from(new DynamoDBClient({}));
const gateway = new ApiGatewayManagementApiClient({ endpoint });

export async function handler({ body }: { readonly body: string }) {
  const { topic, text } = JSON.parse(body);
  const { Items = [] } = await table.send(
    new QueryCommand({
      TableName,
      KeyConditionExpression: '#pk = :pk',
      ExpressionAttributeNames: { '#pk': 'pk' },
      ExpressionAttributeValues: { ':pk': topic },
    }),
  );
  const Data = JSON.stringify({ topic, text });
  await Promise.all(
    Items.map(async ({ pk, sk }) => {
      try {
        await gateway.send(new PostToConnectionCommand({ ConnectionId: sk, Data }));
      } catch (fault) {
        if (!(fault instanceof GoneException)) throw fault;
        await table.send(new DeleteCommand({ TableName, Key: { pk, sk } }));
      }
    }),
  );
  return { statusCode: 200 };
}
