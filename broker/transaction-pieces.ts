/** What waits inside a transaction, as cells of its shelf. */
import { decodeCell, encodeCell, number, optionalText, pairs, text } from './cell.ts';
import { parseDestination } from './destination.ts';
import type { LogOptions, Notice, Publication } from './fanout.ts';
import type { Limits } from './limits.ts';
import type { Audience } from './model.ts';

export function encodePiece(piece: Publication | Notice): Uint8Array {
  const at = piece.destination.canonical;
  if ('entry' in piece) return encodeCell({ type: 'entry', at, ...entryFacts(piece.entry) });
  const { id, destination, headers, body } = piece.message;
  const { log } = piece;
  const facts = {
    type: 'message',
    at,
    id,
    destination,
    headers,
    ...(log === undefined
      ? {}
      : { sent: log.at, to: log.audience?.to, except: log.audience?.except }),
  };
  return encodeCell(facts, body);
}

function entryFacts({ type, requeue, ...facts }: Notice['entry']) {
  return { kind: type, ...facts, requeue: requeue ? 1 : 0 };
}

export function decodePiece(bytes: Uint8Array, limits: Limits): Publication | Notice {
  const cell = decodeCell(bytes);
  const destination = parseDestination(text(cell, 'at'), limits);
  if (text(cell, 'type') === 'entry') {
    const subscriptionId = optionalText(cell, 'subscriptionId');
    const stamp = optionalText(cell, 'stamp');
    return {
      destination,
      entry: {
        type: text(cell, 'kind') === 'ack' ? 'ack' : 'nack',
        connectionId: text(cell, 'connectionId'),
        ...(subscriptionId === undefined ? {} : { subscriptionId }),
        id: text(cell, 'id'),
        requeue: number(cell, 'requeue') === 1,
        ...(stamp === undefined ? {} : { stamp }),
      },
    };
  }
  const message = {
    id: text(cell, 'id'),
    destination: text(cell, 'destination'),
    headers: pairs(cell, 'headers'),
    body: cell.body,
  };
  if (cell.facts['sent'] === undefined) return { destination, message };
  const audience = audienceOf(cell.facts);
  const log: LogOptions = {
    at: number(cell, 'sent'),
    repeated: false,
    ...(audience === undefined ? {} : { audience }),
  };
  return { destination, message, log };
}

function audienceOf(facts: Readonly<Record<string, unknown>>): Audience | undefined {
  const names = (value: unknown) => (Array.isArray(value) ? value.map(String) : undefined);
  const [to, except] = [names(facts['to']), names(facts['except'])];
  if (to === undefined && except === undefined) return undefined;
  return { ...(to === undefined ? {} : { to }), ...(except === undefined ? {} : { except }) };
}
