/**
 * What is put on a shelf: facts as JSON, and octets beside them. A cell is written and read by the
 * core alone; one that does not parse is ours to mend, and throws.
 */

export interface Cell {
  readonly facts: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** Four octets of length, the facts, the body. */
export function encodeCell(facts: object, body: Uint8Array = new Uint8Array(0)): Uint8Array {
  const json = Buffer.from(JSON.stringify(facts));
  const cell = Buffer.allocUnsafe(4 + json.length + body.length);
  cell.writeUInt32BE(json.length, 0);
  cell.set(json, 4);
  cell.set(body, 4 + json.length);
  return cell;
}

export function decodeCell(bytes: Uint8Array): Cell {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + view.readUInt32BE(0);
  return cellOf(JSON.parse(view.toString('utf8', 4, end)), bytes.subarray(end));
}

/** Facts that stand elsewhere than at the head of a cell, to be read by the same readers. */
export function cellOf(facts: unknown, body: Uint8Array = new Uint8Array(0)): Cell {
  if (typeof facts !== 'object' || facts === null) throw new Error('a cell without facts');
  return { facts: { ...facts }, body };
}

/** Readers of single facts, which throw on what the core never writes. */
export function text(cell: Cell, name: string): string {
  const value = cell.facts[name];
  if (typeof value !== 'string') throw new Error(`a cell whose ${name} is no text`);
  return value;
}

export function number(cell: Cell, name: string): number {
  const value = cell.facts[name];
  if (typeof value !== 'number') throw new Error(`a cell whose ${name} is no number`);
  return value;
}

export function optionalText(cell: Cell, name: string): string | undefined {
  return cell.facts[name] === undefined ? undefined : text(cell, name);
}

export function optionalNumber(cell: Cell, name: string): number | undefined {
  return cell.facts[name] === undefined ? undefined : number(cell, name);
}

/** Pairs of texts: headers. */
export function pairs(cell: Cell, name: string): readonly (readonly [string, string])[] {
  const value = cell.facts[name];
  if (!Array.isArray(value)) throw new Error(`a cell whose ${name} are no pairs`);
  return value.map((pair: unknown) => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new Error(`a cell with a broken ${name}`);
    return [String(pair[0]), String(pair[1])] as const;
  });
}
