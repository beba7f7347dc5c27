/**
 * A broker synthesized without bundles, and its template made readable: intrinsic functions become
 * text, and logical ids lose their hash.
 */
import { App, Stack } from 'aws-cdk-lib';
import { Annotations, Template } from 'aws-cdk-lib/assertions';
import { StompBroker, type StompBrokerProps } from '../../infra/stomp-broker.ts';

export interface Synthesized {
  readonly stack: Stack;
  readonly broker: StompBroker;
  readonly template: Template;
  readonly annotations: Annotations;
}

/** `prepare` may make what the props refer to, or use the broker before it is synthesized. */
export function synthesize(
  props: StompBrokerProps | ((stack: Stack) => StompBrokerProps) = {},
  use: (broker: StompBroker, stack: Stack) => void = () => {},
): Synthesized {
  const app = new App({ context: { 'aws:cdk:bundling-stacks': [] } });
  const stack = new Stack(app, 'Test');
  const broker = new StompBroker(
    stack,
    'Broker',
    typeof props === 'function' ? props(stack) : props,
  );
  use(broker, stack);
  return {
    stack,
    broker,
    template: Template.fromStack(stack),
    annotations: Annotations.fromStack(stack),
  };
}

export interface Resource {
  /** Logical id without its hash. */
  readonly id: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Every resource of a type, in order of the template, with all values made readable. */
export function resources(template: Template, type: string): readonly Resource[] {
  return Object.entries(template.findResources(type)).map(([id, { Properties }]) => ({
    id: bare(id),
    properties: object(readable(Properties ?? {})),
  }));
}

/** One resource by its readable id. */
export function resource(template: Template, type: string, id: string): Resource['properties'] {
  const found = resources(template, type);
  const one = found.find((each) => each.id === id);
  if (one !== undefined) return one.properties;
  throw new Error(`no ${type} is named ${id}; there are ${found.map((each) => each.id)}`);
}

/** `{Ref: X}` is `{X}`, `{Fn::GetAtt: [X, Arn]}` is `{X.Arn}`, joins are joined. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  const [entry, ...more] = Object.entries(value);
  if (entry !== undefined && more.length === 0) {
    const [name, argument] = entry;
    if (name === 'Ref') return `{${bare(String(argument))}}`;
    if (name === 'Fn::GetAtt') return `{${list(argument).map(String).map(bare).join('.')}}`;
    if (name === 'Fn::Join') return list(list(readable(argument))[1]).join('');
    if (name.startsWith('Fn::')) throw new Error(`${name} is not known here`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, readable(each)]));
}

function bare(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '');
}

export function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new Error(`${value} is no object`);
  return Object.fromEntries(Object.entries(value));
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${value} is no list`);
  return value;
}
