/**
 * IAM policy documents, as far as our roles use them: wildcards, Deny, principals, and a few
 * conditions. What is not known is refused by name.
 */
import { TemplateFault } from './fault.ts';
import { asList, asObject, asTexts, reader } from './json.ts';

/** Condition keys of a request; loopback stands for TLS. */
export type RequestKeys = Readonly<Record<string, string>>;

interface Condition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** `Service`, `AWS` and the like; empty in identity policies. */
  readonly principals: readonly string[];
  readonly conditions: readonly Condition[];
}

/** Managed policies whose content is known; others are refused. */
const MANAGED: Readonly<Record<string, readonly Statement[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    {
      effect: 'Allow',
      actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: ['*'],
      principals: [],
      conditions: [],
    },
  ],
};

export function managedPolicy(arn: string, where: string): readonly Statement[] {
  const found = MANAGED[arn];
  if (found !== undefined) return found;
  throw new TemplateFault('unknown-managed-policy', where, arn);
}

/** The statements of a policy document. `NotAction` and its like are refused as unknown. */
export function statementsOf(document: unknown, where: string): readonly Statement[] {
  const policy = reader(document, where);
  policy.ignore('Version', 'Id');
  const list = policy.any('Statement');
  policy.done();
  const all = Array.isArray(list) ? list : [list];
  return all.map((one, index) => statement(one, `${where}.Statement.${index}`));
}

function statement(value: unknown, where: string): Statement {
  const one = reader(value, where);
  one.ignore('Sid');
  const effect = one.text('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') {
    throw new TemplateFault('wrong-value', `${where}.Effect`, effect);
  }
  const principal = one.any('Principal');
  const resource = one.any('Resource');
  const made: Statement = {
    effect,
    actions: asTexts(one.any('Action'), `${where}.Action`),
    resources: resource === undefined ? [] : asTexts(resource, `${where}.Resource`),
    principals: principalsOf(principal, `${where}.Principal`),
    conditions: conditionsOf(one.any('Condition'), `${where}.Condition`),
  };
  one.done();
  return made;
}

function principalsOf(value: unknown, where: string): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  return Object.values(asObject(value, where)).flatMap((names) => asTexts(names, where));
}

function conditionsOf(value: unknown, where: string): readonly Condition[] {
  if (value === undefined) return [];
  return Object.entries(asObject(value, where)).flatMap(([operator, keys]) => {
    if (OPERATORS[operator] === undefined) {
      throw new TemplateFault('unknown-condition-operator', where, operator);
    }
    return Object.entries(asObject(keys, where)).map(([key, values]) => ({
      operator,
      key,
      values: (Array.isArray(values) ? asList(values, where) : [values]).map(String),
    }));
  });
}

const same = (given: string, value: string): boolean => given === value;
const like = (given: string, value: string): boolean => wildcard(value, given);

const OPERATORS: Readonly<Record<string, (given: string, value: string) => boolean>> = {
  Bool: same,
  StringEquals: same,
  StringLike: like,
  ArnEquals: like,
  ArnLike: like,
};

/** `*` any run of characters, `?` one; the rest literal. Actions are compared without case. */
export function wildcard(pattern: string, text: string): boolean {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${source.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(text);
}

/** The action and resource patterns of `one` that cover this call, or undefined. */
export function covers(
  one: Statement,
  action: string,
  resource: string,
  keys: RequestKeys,
): { readonly action: string; readonly resource: string } | undefined {
  const byAction = one.actions.find((p) => wildcard(p.toLowerCase(), action.toLowerCase()));
  const byResource = one.resources.find((pattern) => wildcard(pattern, resource));
  if (byAction === undefined || byResource === undefined) return undefined;
  const met = one.conditions.every(({ operator, key, values }) => {
    const given = keys[key];
    return given !== undefined && values.some((value) => OPERATORS[operator]?.(given, value));
  });
  return met ? { action: byAction, resource: byResource } : undefined;
}

/** True if a trust policy lets `service` (or `*`) assume its role. */
export function assumable(trust: readonly Statement[], service: string): boolean {
  return trust.some(
    ({ effect, actions, principals, conditions }) =>
      effect === 'Allow' &&
      actions.includes('sts:AssumeRole') &&
      principals.includes(service) &&
      conditions.length === 0,
  );
}

/** True for a statement of a managed policy, which nobody can trim. */
export function isManaged(one: Statement): boolean {
  return Object.values(MANAGED).some((statements) => statements.includes(one));
}
