/** What all settings of the operator have in common, whichever home reads them. */

/** The fields of an object that may have these keys. Shared by all that read the operator's file. */
export function fieldsOf(
  json: unknown,
  name: string,
  known: readonly string[],
): ReadonlyMap<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new Error(`${name} must be an object with ${known.join(', ')}`);
  }
  const fields = new Map<string, unknown>(Object.entries(json));
  for (const key of fields.keys()) {
    if (!known.includes(key)) {
      throw new Error(`${name} has an unknown key "${key}"; known: ${known.join(', ')}`);
    }
  }
  return fields;
}
