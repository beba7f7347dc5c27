/**
 * What the query of an Engine.IO request asks, and the words of its refusals (engine.io lib/server.ts,
 * "verify").
 */

export const ENGINE_FAULTS = {
  transport: { code: 0, message: 'Transport unknown' },
  session: { code: 1, message: 'Session ID unknown' },
  method: { code: 2, message: 'Bad handshake method' },
  request: { code: 3, message: 'Bad request' },
  version: { code: 5, message: 'Unsupported protocol version' },
} as const;

export type EngineFault = keyof typeof ENGINE_FAULTS;

export interface EngineRequest {
  readonly transport: 'polling' | 'websocket';
  /** Absent: a session is to be opened. */
  readonly sid?: string;
}

/** `upgrade`: it came as a WebSocket handshake. */
export function readEngineRequest(
  query: URLSearchParams,
  method: string,
  upgrade: boolean,
): EngineRequest | EngineFault {
  const transport = query.get('transport');
  if (transport !== 'polling' && transport !== 'websocket') return 'transport';
  const sid = query.get('sid');
  if (sid === null || sid === '') {
    if (method !== 'GET') return 'method';
    if (query.get('EIO') !== '4') return 'version';
  }
  if ((transport === 'websocket') !== upgrade) return 'request';
  return sid === null || sid === '' ? { transport } : { transport, sid };
}

/** The body of a 400. */
export function engineFaultText(fault: EngineFault): string {
  return JSON.stringify(ENGINE_FAULTS[fault]);
}
