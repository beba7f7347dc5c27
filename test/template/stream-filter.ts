/** Filter criteria of event source mappings: exact values, `prefix` and `exists`; more is refused. */
import { TemplateFault } from './fault.ts';
import { asText, brief, isObject, type JsonObject } from './json.ts';

/** Whether a record passes one of the filters; without filters every record does. */
export function filterOf(
  filters: readonly unknown[],
  where: string,
): (record: JsonObject) => boolean {
  const patterns = filters.map((filter): unknown =>
    JSON.parse(asText(isObject(filter) ? filter['Pattern'] : undefined, where)),
  );
  for (const pattern of patterns) demandKnown(pattern, where);
  return (record) => patterns.length === 0 || patterns.some((one) => fits(one, record));
}

function demandKnown(pattern: unknown, where: string): void {
  if (isObject(pattern)) {
    for (const inner of Object.values(pattern)) demandKnown(inner, where);
    return;
  }
  if (Array.isArray(pattern) && pattern.every(isKnown)) return;
  throw new TemplateFault('wrong-value', `${where}.FilterCriteria`, brief(pattern));
}

function isKnown(one: unknown): boolean {
  if (!isObject(one)) return typeof one === 'string' || one === null;
  const [key, ...more] = Object.keys(one);
  return more.length === 0 && (key === 'prefix' || key === 'exists');
}

function fits(pattern: unknown, value: unknown): boolean {
  if (Array.isArray(pattern)) return pattern.some((one) => meets(one, value));
  if (!isObject(pattern)) return false;
  const inside = isObject(value) ? value : {};
  return Object.entries(pattern).every(([key, inner]) => fits(inner, inside[key]));
}

function meets(rule: unknown, value: unknown): boolean {
  if (!isObject(rule)) return rule === value;
  if (rule['exists'] !== undefined) return rule['exists'] === (value !== undefined);
  return typeof value === 'string' && value.startsWith(String(rule['prefix']));
}
