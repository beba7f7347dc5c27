/** SQS behind the endpoint: sending, by the SDK's JSON protocol and by API Gateway's forms. */
import { createHash } from 'node:crypto';
import type { Service, ServiceResponse } from './endpoint.ts';
import { isObject, type JsonObject } from './json.ts';
import { queueArn } from './names.ts';
import type { Attribute, Queue, SendRequest } from './queue.ts';

/** Queues by name. Receiving is Lambda's poller's, which is part of the runtime. */
export function sqsService(queues: ReadonlyMap<string, Queue>): Service {
  return {
    signingName: 'sqs',
    read: (request) => {
      const action = String(request.headers['x-amz-target']).replace('AmazonSQS.', '');
      const input: unknown = JSON.parse(Buffer.from(request.body).toString() || '{}');
      if (!isObject(input) || (action !== 'SendMessage' && action !== 'SendMessageBatch')) {
        return failure(400, 'UnsupportedOperation', `${action} is not served here`);
      }
      const name = String(input['QueueUrl']).split('/').at(-1) ?? '';
      const queue = queues.get(name);
      return {
        needs: [{ action: 'sqs:SendMessage', resource: queueArn(name) }],
        run: async () => {
          if (queue === undefined) return failure(400, 'QueueDoesNotExist', `no queue ${name}`);
          return action === 'SendMessage' ? sendOne(queue, input) : sendBatch(queue, input);
        },
      };
    },
    refusal: (code, message) => failure(403, code, message),
  };
}

function sendOne(queue: Queue, input: JsonObject): ServiceResponse {
  const request = fromJson(input);
  const sent = queue.send(request);
  if (typeof sent === 'string') return failure(400, 'InvalidParameterValue', sent);
  return success(result(sent, request));
}

function sendBatch(queue: Queue, input: JsonObject): ServiceResponse {
  const entries = Array.isArray(input['Entries']) ? input['Entries'].filter(isObject) : [];
  if (entries.length === 0 || entries.length > 10) {
    return failure(400, 'TooManyEntriesInBatchRequest', `${entries.length} entries`);
  }
  const successful: unknown[] = [];
  const failed: unknown[] = [];
  for (const entry of entries) {
    const request = fromJson(entry);
    const sent = queue.send(request);
    if (typeof sent === 'string') {
      failed.push({
        Id: entry['Id'],
        Code: 'InvalidParameterValue',
        Message: sent,
        SenderFault: true,
      });
    } else successful.push({ Id: entry['Id'], ...result(sent, request) });
  }
  return success({ Successful: successful, Failed: failed });
}

function result(
  sent: { readonly messageId: string; readonly sequence: string },
  request: SendRequest,
): JsonObject {
  return {
    MessageId: sent.messageId,
    MD5OfMessageBody: createHash('md5').update(request.body).digest('hex'),
    ...(request.groupId !== undefined && { SequenceNumber: sent.sequence }),
  };
}

function fromJson(input: JsonObject): SendRequest {
  const attributes = isObject(input['MessageAttributes']) ? input['MessageAttributes'] : {};
  return {
    body: String(input['MessageBody'] ?? ''),
    groupId: maybe(input['MessageGroupId']),
    deduplicationId: maybe(input['MessageDeduplicationId']),
    delaySeconds: Number(input['DelaySeconds'] ?? 0),
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([name, value]) => [name, attributeOf(value)]),
    ),
  };
}

function attributeOf(value: unknown): Attribute {
  const object = isObject(value) ? value : {};
  return {
    dataType: String(object['DataType'] ?? ''),
    stringValue: String(object['StringValue'] ?? ''),
  };
}

function maybe(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

/**
 * The form an integration's request template makes (SQS query protocol). A text says what is wrong
 * with it, in SQS's words where SQS has some.
 */
export function sendForm(queue: Queue, form: string): string | undefined {
  const fields = new URLSearchParams(form);
  const known =
    /^(?:Action|Version|MessageBody|MessageGroupId|MessageDeduplicationId|MessageAttribute\.\d+\.(?:Name|Value\.(?:DataType|StringValue)))$/;
  const strange = [...fields.keys()].find((key) => !known.test(key));
  if (strange !== undefined) return `UnknownParameter: ${strange}`;
  if (fields.get('Action') !== 'SendMessage') return `InvalidAction: ${fields.get('Action')}`;
  const attributes: Record<string, Attribute> = {};
  for (let index = 1; fields.has(`MessageAttribute.${index}.Name`); index++) {
    const prefix = `MessageAttribute.${index}`;
    attributes[fields.get(`${prefix}.Name`) ?? ''] = {
      dataType: fields.get(`${prefix}.Value.DataType`) ?? '',
      stringValue: fields.get(`${prefix}.Value.StringValue`) ?? '',
    };
  }
  const sent = queue.send({
    body: fields.get('MessageBody') ?? '',
    groupId: fields.get('MessageGroupId') ?? undefined,
    deduplicationId: fields.get('MessageDeduplicationId') ?? undefined,
    attributes,
  });
  return typeof sent === 'string' ? `InvalidParameterValue: ${sent}` : undefined;
}

function success(body: JsonObject): ServiceResponse {
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify(body),
  };
}

function failure(status: number, code: string, message: string): ServiceResponse {
  return {
    status,
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amzn-query-error': `${code};Sender`,
    },
    body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }),
  };
}
