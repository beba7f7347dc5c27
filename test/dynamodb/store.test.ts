/**
 * The store's contract against Amazon's DynamoDB Local, a table a test. `npm run test:dynamodb`
 * starts it and says where it is; a plain `npm test` has none.
 */
import { CreateTableCommand, DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { tableDefinition } from '../../adapters/dynamodb/schema.ts';
import { dynamoStore } from '../../adapters/dynamodb/store.ts';
import { type MakeStore, storeContract } from '../contract/store.ts';
import { localClient } from '../dynamodb-local.ts';

const endpoint = process.env['DYNAMODB_LOCAL_ENDPOINT'];

if (endpoint === undefined) {
  test.skip('DynamoDB Local is not running: npm run test:dynamodb starts it', () => {});
} else {
  const client = localClient(endpoint);
  afterAll(() => client.destroy());
  let tables = 0;

  const made =
    (rowsPerReadMax?: number): MakeStore =>
    async ({ clock, limits }) => {
      const TableName = `contract-${process.pid}-${++tables}`;
      await client.send(
        new CreateTableCommand({
          TableName,
          BillingMode: tableDefinition.BillingMode,
          KeySchema: [...tableDefinition.KeySchema],
          AttributeDefinitions: [...tableDefinition.AttributeDefinitions],
        }),
      );
      const store = dynamoStore({
        client: DynamoDBDocumentClient.from(client),
        tableName: TableName,
        clock,
        limits,
        ...(rowsPerReadMax !== undefined && { rowsPerReadMax }),
      });
      const close = async () => {
        await client.send(new DeleteTableCommand({ TableName }));
      };
      return { store, close };
    };

  storeContract('DynamoDB', made(), { runs: 60 });
  storeContract('DynamoDB, few rows a page', made(3), { runs: 20 });
}
