/**
 * What AWS charges, in one place: list prices without free tiers, discounts and taxes. Every figure
 * in dollars of this repository comes from here. A price that changes is changed here, with the date.
 * `sure: false`: written down from memory, look at the source before leaning on it.
 */

export interface Price {
  /** Dollars per million of `unit`. */
  readonly perMillion: number;
  readonly unit: string;
  readonly source: string;
  readonly sure: boolean;
}

const API_GATEWAY = 'https://aws.amazon.com/api-gateway/pricing/';
const DYNAMODB = 'https://aws.amazon.com/dynamodb/pricing/on-demand/';
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/';
const SQS = 'https://aws.amazon.com/sqs/pricing/';

export const PRICES = {
  region: 'us-east-1',
  /** When the rows were last written down. */
  date: '2026-11-24',
  rows: {
    gatewayMessages: {
      perMillion: 1,
      unit: 'WebSocket message, each begun 32 KB, received or posted',
      source: API_GATEWAY,
      sure: true,
    },
    connectionMinutes: {
      perMillion: 0.25,
      unit: 'minute of a connection',
      source: API_GATEWAY,
      sure: true,
    },
    invocations: { perMillion: 0.2, unit: 'Lambda request', source: LAMBDA, sure: true },
    gigabyteSeconds: {
      perMillion: 13.33,
      unit: 'GB-second of Lambda on arm64',
      source: LAMBDA,
      sure: true,
    },
    readUnits: {
      perMillion: 0.125,
      unit: 'DynamoDB read unit on demand, 4 KB consistent',
      source: DYNAMODB,
      sure: true,
    },
    writeUnits: {
      perMillion: 0.625,
      unit: 'DynamoDB write unit on demand, 1 KB',
      source: DYNAMODB,
      sure: true,
    },
    queueRequests: {
      perMillion: 0.5,
      unit: 'SQS FIFO request, each begun 64 KB',
      source: SQS,
      sure: false,
    },
  },
} as const satisfies {
  readonly region: string;
  readonly date: string;
  readonly rows: Readonly<Record<string, Price>>;
};

/** What is counted, and billed. */
export type Billed = keyof typeof PRICES.rows;
export const BILLED: readonly Billed[] = [
  'gatewayMessages',
  'connectionMinutes',
  'invocations',
  'gigabyteSeconds',
  'readUnits',
  'writeUnits',
  'queueRequests',
];
