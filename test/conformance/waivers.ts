/**
 * Rows stompway cannot pass as it is started here, by id or `id/variant`, with the reason. They run
 * all the same and are listed, so a waiver that is no longer needed shows ("could be green").
 */
const IDENTITY = 'identity is not configured: login and passcode are ignored';
const TEXT_ONLY = 'API Gateway carries text messages only';

const BY_REASON: readonly (readonly [reason: string, ids: string])[] = [
  [IDENTITY, 'CON-11 ERR-01/login'],
  [TEXT_ONLY, 'BOD-09 WSK-09 WSK-12 WSK-12b'],
];

export const WAIVERS: ReadonlyMap<string, string> = new Map(
  BY_REASON.flatMap(([reason, ids]) => ids.split(' ').map((id) => [id, reason] as const)),
);

/** The reason this item is waived for, by its own id or that of its row. */
export function waiver(id: string, identified: boolean): string | undefined {
  const reason = reasonOf(id);
  return identified && reason === IDENTITY ? undefined : reason;
}

function reasonOf(id: string): string | undefined {
  return WAIVERS.get(id) ?? WAIVERS.get(id.slice(0, id.indexOf('/') >>> 0));
}
