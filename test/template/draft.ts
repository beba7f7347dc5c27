/** A copy of an assembly that a fault can be planted in. */
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAssembly } from './assembly.ts';
import { asObject, isObject } from './json.ts';

/** JSON that may be changed. */
export type Mutable = Record<string, unknown>;

export interface Draft {
  readonly folder: string;
  readonly resources: Mutable;
  /** The properties of the one resource of this type whose logical id holds `part`. */
  properties(type: string, part?: string): Mutable;
  /** The logical id of the same. */
  id(type: string, part?: string): string;
  /** The statement of the policy of `rolePart` that allows `action`. */
  statement(rolePart: string, action: string): Mutable;
  /** Puts `source` before a function: it finds the real bundle as `./real.mjs`. */
  wrap(functionPart: string, source: string): void;
  /** Writes the template down. */
  save(): void;
  discard(): void;
}

export function draftOf(folder: string): Draft {
  const copy = mkdtempSync(join(tmpdir(), 'stompway-draft-'));
  cpSync(folder, copy, { recursive: true });
  const file = join(copy, `${readAssembly(folder).stack}.template.json`);
  const template: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const resources = mutable(mutable(template)['Resources']);
  const find = (type: string, part: string): string => {
    const ids = Object.keys(resources).filter(
      (id) => id.includes(part) && mutable(resources[id])['Type'] === type,
    );
    const [only] = ids;
    if (only === undefined || ids.length > 1) {
      throw new Error(`${ids.length} resources of ${type} have "${part}" in their id`);
    }
    return only;
  };
  const properties = (type: string, part = ''): Mutable =>
    mutable(mutable(resources[find(type, part)])['Properties']);
  return {
    folder: copy,
    resources,
    properties,
    id: (type, part = '') => find(type, part),
    statement: (rolePart, action) => {
      const document = mutable(properties('AWS::IAM::Policy', rolePart)['PolicyDocument']);
      const found = listOf(document['Statement']).find((one) => holds(one, action));
      if (found === undefined) throw new Error(`${rolePart} has no statement for ${action}`);
      return mutable(found);
    },
    wrap: (functionPart, source) => {
      const code = mutable(properties('AWS::Lambda::Function', functionPart)['Code']);
      const asset = join(copy, `asset.${String(code['S3Key']).replace('.zip', '')}`);
      renameSync(join(asset, 'index.mjs'), join(asset, 'real.mjs'));
      writeFileSync(join(asset, 'index.mjs'), source);
    },
    save: () => writeFileSync(file, JSON.stringify(template)),
    discard: () => rmSync(copy, { recursive: true, force: true }),
  };
}

function holds(statement: unknown, action: string): boolean {
  const actions = asObject(statement, 'Statement')['Action'];
  return Array.isArray(actions) ? actions.includes(action) : actions === action;
}

export function listOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`no list: ${JSON.stringify(value)}`);
}

export function mutable(value: unknown): Mutable {
  if (isObject(value)) return value as Mutable;
  throw new Error(`no object: ${JSON.stringify(value)}`);
}

/** Takes one action out of a statement. */
export function withdraw(statement: Mutable, action: string): void {
  const actions = statement['Action'];
  statement['Action'] = Array.isArray(actions) ? actions.filter((one) => one !== action) : [];
}
