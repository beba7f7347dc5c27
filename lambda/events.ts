/**
 * The events API Gateway and SQS hand to the handlers, as captured from real ones (the published
 * types lack several fields). Fields the broker does not read are left out.
 */

import type { Inbound, Signer } from '../broker/ports.ts';

export interface RequestContext {
  readonly routeKey: string;
  readonly eventType: 'CONNECT' | 'MESSAGE' | 'DISCONNECT';
  readonly connectionId: string;
  readonly connectedAt: number;
  readonly requestTimeEpoch: number;
  readonly requestId: string;
  readonly stage: string;
  readonly apiId: string;
  readonly domainName: string;
  readonly messageId?: string;
  /** Of a signed `$connect` also who signed it: not captured, but as the reference lists it. */
  readonly identity: { readonly sourceIp: string; readonly userAgent?: string } & Signer;
  readonly authorizer?: Readonly<Record<string, unknown>>;
  readonly disconnectStatusCode?: number;
  readonly disconnectReason?: string;
}

/** `$connect`: the only event with headers and query. Header names keep the client's case. */
export interface ConnectEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly multiValueHeaders: Readonly<Record<string, readonly string[]>>;
  /** Absent without a query. */
  readonly queryStringParameters?: Readonly<Record<string, string>>;
  readonly requestContext: RequestContext;
  readonly isBase64Encoded: boolean;
}

export interface MessageEvent {
  /** Not the gateway's: set where messages of a connection follow each other, as POSTs do. */
  readonly inOrder?: boolean;
  readonly requestContext: RequestContext;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

export interface DisconnectEvent {
  readonly requestContext: RequestContext;
  readonly isBase64Encoded: boolean;
}

/** What a route's Lambda answers. On `$connect` any status but 2xx refuses the handshake. */
export interface RouteResult {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface QueueAttribute {
  readonly dataType: string;
  readonly stringValue?: string;
}

/**
 * One record of the ingress queue. `body` is `.` + base64 of what the client sent (SQS refuses an
 * empty body and U+0000); connectionId, eventType, messageId and requestTimeEpoch are message
 * attributes.
 */
export interface QueueRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: {
    readonly ApproximateReceiveCount: string;
    readonly SentTimestamp: string;
    /** 20 digits, rising within a group. */
    readonly SequenceNumber?: string;
    readonly MessageGroupId?: string;
  };
  readonly messageAttributes: Readonly<Record<string, QueueAttribute>>;
  /** What a queue of the handler's own process says of it: body and attributes are not looked at. */
  readonly inbound?: Inbound;
}

export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}

/** ReportBatchItemFailures: of a failed group, its first failed record and all after it. */
export interface QueueResult {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/** EventBridge, as its rule fires. Nothing in it is read. */
export interface ScheduledEvent {
  readonly source: string;
}
