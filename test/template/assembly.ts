/** A synthesized cloud assembly: its one stack's template, and the asset behind each S3 key. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TemplateFault } from './fault.ts';
import { asObject, asText, isObject, type JsonObject } from './json.ts';

export interface Resource {
  readonly id: string;
  readonly type: string;
  readonly properties: unknown;
  readonly condition: string | undefined;
}

export interface Assembly {
  readonly folder: string;
  readonly stack: string;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly conditions: JsonObject;
  /** Defaults of the template's parameters. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Asset folders by the S3 key that the template names. */
  readonly assets: ReadonlyMap<string, string>;
}

/** Sections that say nothing about what runs. */
const SECTIONS: ReadonlySet<string> = new Set([
  'AWSTemplateFormatVersion',
  'Description',
  'Metadata',
  'Outputs',
  'Parameters',
  'Resources',
  'Conditions',
  'Rules',
]);

export function readAssembly(folder: string): Assembly {
  const artifacts = artifactsOf(folder);
  const stacks = artifacts.filter(([, one]) => one['type'] === 'aws:cloudformation:stack');
  const [only] = stacks;
  if (only === undefined || stacks.length > 1) {
    throw new TemplateFault('assembly-unreadable', folder, `${stacks.length} stacks; expected one`);
  }
  const properties = asObject(only[1]['properties'], 'manifest.json');
  const file = asText(properties['templateFile'], 'manifest.json');
  const template = readJson(join(folder, file));
  for (const section of Object.keys(template)) {
    if (!SECTIONS.has(section)) throw new TemplateFault('unknown-property', file, section);
  }
  return {
    folder,
    stack: only[0],
    resources: resourcesOf(template, file),
    conditions: isObject(template['Conditions']) ? template['Conditions'] : {},
    parameters: parametersOf(template),
    assets: new Map(artifacts.flatMap(([, one]) => assetsOf(folder, one))),
  };
}

function artifactsOf(folder: string): readonly (readonly [string, JsonObject])[] {
  const manifest = readJson(join(folder, 'manifest.json'));
  return Object.entries(asObject(manifest['artifacts'], 'manifest.json')).map(
    ([id, one]) => [id, asObject(one, `manifest.json ${id}`)] as const,
  );
}

function resourcesOf(template: JsonObject, file: string): ReadonlyMap<string, Resource> {
  const entries = Object.entries(asObject(template['Resources'], file));
  return new Map(
    entries.map(([id, value]) => {
      const resource = asObject(value, id);
      const condition = resource['Condition'];
      return [
        id,
        {
          id,
          type: asText(resource['Type'], id),
          properties: resource['Properties'] ?? {},
          condition: condition === undefined ? undefined : asText(condition, id),
        },
      ];
    }),
  );
}

function parametersOf(template: JsonObject): Readonly<Record<string, string>> {
  const parameters = isObject(template['Parameters']) ? template['Parameters'] : {};
  return Object.fromEntries(
    Object.entries(parameters).map(([id, value]) => {
      const found = asObject(value, id)['Default'];
      if (found === undefined) throw new TemplateFault('unknown-reference', id, 'no default');
      return [id, asText(found, id)];
    }),
  );
}

function assetsOf(folder: string, artifact: JsonObject): readonly (readonly [string, string])[] {
  if (artifact['type'] !== 'cdk:asset-manifest') return [];
  const file = asText(asObject(artifact['properties'], folder)['file'], folder);
  const files = asObject(readJson(join(folder, file))['files'], file);
  return Object.values(files).flatMap((value) => {
    const asset = asObject(value, file);
    const source = asObject(asset['source'], file);
    if (source['packaging'] !== 'zip') return [];
    const path = join(folder, asText(source['path'], file));
    const destinations = Object.values(asObject(asset['destinations'], file));
    return destinations.map(
      (destination) => [asText(asObject(destination, file)['objectKey'], file), path] as const,
    );
  });
}

function readJson(path: string): JsonObject {
  if (!existsSync(path)) throw new TemplateFault('assembly-unreadable', path, 'no such file');
  try {
    return asObject(JSON.parse(readFileSync(path, 'utf8')), path);
  } catch (cause) {
    throw new TemplateFault('assembly-unreadable', path, String(cause), cause);
  }
}
