/**
 * Rows stompway does not pass yet or cannot pass, by id or `id/variant`, with the reason. They run
 * all the same and are listed, so a waiver that is no longer needed shows ("could be green").
 */
const QUEUES = 'queues come later';
const ACKNOWLEDGING = 'acknowledgements come later: ACK, NACK and ack modes are refused';
const TRANSACTIONS = 'transactions come later: BEGIN, COMMIT and ABORT are refused';
const IDENTITY = 'identity is not configured: login and passcode are ignored';
const TEXT_ONLY = 'API Gateway carries text messages only';

const BY_REASON: readonly (readonly [reason: string, ids: string])[] = [
  [QUEUES, 'MSG-09 MSG-10 MSG-15 SUB-13 SUB-17 RCP-09'],
  [
    ACKNOWLEDGING,
    'ACK-01 ACK-02 ACK-03 ACK-04 ACK-05 ACK-09 ACK-12 ACK-13 ACK-14 ACK-15 ACK-16 ACK-17 ACK-18 ' +
      'ACK-19 ACK-20 ACK-21 ACK-22 ACK-23 ACK-24 ACK-25 RCP-04',
  ],
  [
    TRANSACTIONS,
    'TXN-01 TXN-02 TXN-07 TXN-08 TXN-09 TXN-10 TXN-11 TXN-12 TXN-13 TXN-14 TXN-15 TXN-16 TXN-17 RCP-03',
  ],
  [IDENTITY, 'CON-11 ERR-01/login'],
  [TEXT_ONLY, 'BOD-09 WSK-09 WSK-12 WSK-12b'],
];

export const WAIVERS: ReadonlyMap<string, string> = new Map(
  BY_REASON.flatMap(([reason, ids]) => ids.split(' ').map((id) => [id, reason] as const)),
);

/** The reason this item is waived for, by its own id or that of its row. */
export function waiver(id: string): string | undefined {
  return WAIVERS.get(id) ?? WAIVERS.get(id.slice(0, id.indexOf('/') >>> 0));
}
