/** SHA-256 in one call. */
import * as crypto from 'node:crypto';

/** Node 20.12 and later have it in one step, which makes no object to collect. `binary` is latin1. */
export function sha256(
  data: string | Uint8Array,
  as: 'hex' | 'base64url' | 'binary' = 'hex',
): string {
  return crypto.hash?.('sha256', data, as) ?? crypto.createHash('sha256').update(data).digest(as);
}
