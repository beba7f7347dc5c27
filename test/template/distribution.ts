/**
 * `AWS::CloudFront::Distribution`: one domain before both APIs. Behaviours are tried in order, the
 * viewer's function runs, and the request goes on to an origin of this template. TLS ends before it:
 * here clients come without. Caching, other policies and other events of functions are refused.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Chosen, type EdgeFunction, edgeFunction } from './edge-function.ts';
import { TemplateFault } from './fault.ts';
import { askedOf } from './function-urls.ts';
import { asText, type Reader } from './json.ts';
import type { Resolved, Stack } from './stack.ts';
import type { Asked } from './url-event.ts';

/** Managed policies by their published ids: CachingDisabled, AllViewerExceptHostHeader. */
const NOT_CACHED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad';
const ALL_BUT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac';

export interface Origin {
  readonly id: string;
  readonly domain: string;
  /** '' or a path without a slash at its end. */
  readonly path: string;
  readonly readMilliseconds: number;
}

/** Where a viewer's request goes. */
export interface Routed extends Asked {
  readonly origin: Origin;
}

export interface Distribution {
  /** Undefined: CloudFront itself answers 403. Throws what the viewer's function threw. */
  route(request: IncomingMessage): Routed | undefined;
}

interface Behavior {
  readonly pattern: RegExp;
  readonly methods: ReadonlySet<string>;
  readonly origin: Origin;
  readonly edge: EdgeFunction | undefined;
}

export function distributionOf(stack: Stack): Distribution | undefined {
  const edges = edgesOf(stack);
  const [found, ...more] = stack.of('AWS::CloudFront::Distribution');
  if (more.length > 0) throw new TemplateFault('wrong-value', found?.id ?? '', 'one of several');
  if (found === undefined) return undefined;
  const config = found.properties.object('DistributionConfig');
  if (config === undefined) throw new TemplateFault('missing-property', found.id, 'no config');
  found.properties.ignore('Tags');
  config.ignore('Comment', 'HttpVersion', 'IPV6Enabled', 'PriceClass');
  if (config.maybeFlag('Enabled') !== true) {
    throw new TemplateFault('wrong-value', `${found.id}.Enabled`, 'it serves nobody');
  }
  const origins = config.objects('Origins').map((one) => originOf(one));
  const behavior = (one: Reader, pattern: string) => behaviorOf(one, pattern, { origins, edges });
  const behaviors = config
    .objects('CacheBehaviors')
    .map((one) => behavior(one, one.text('PathPattern')));
  const otherwise = config.object('DefaultCacheBehavior');
  if (otherwise === undefined) throw new TemplateFault('missing-property', found.id, 'no default');
  behaviors.push(behavior(otherwise, '*'));
  found.properties.done();
  const ids = origins.map(({ id }) => id);
  return {
    route: (request) => {
      const asked = askedOf(request);
      const method = request.method ?? 'GET';
      const chosen = behaviors.find(({ pattern }) => pattern.test(asked.path));
      if (chosen === undefined || !chosen.methods.has(method)) return undefined;
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const),
      );
      const onward = chosen.edge?.({ ...asked, method, headers }, ids);
      const origin = redirected(chosen.origin, onward?.chosen, origins);
      const { path, query } = onward ?? asked;
      return { path: origin.path + path, query, origin };
    },
  };
}

function redirected(
  assigned: Origin,
  chosen: Chosen | undefined,
  origins: readonly Origin[],
): Origin {
  if (chosen === undefined) return assigned;
  if ('id' in chosen) return origins.find(({ id }) => id === chosen.id) ?? assigned;
  const { domain = assigned.domain, originPath = assigned.path } = chosen;
  return { ...assigned, domain, path: originPath };
}

function edgesOf(stack: Stack): ReadonlyMap<string, EdgeFunction> {
  return new Map(
    stack.of('AWS::CloudFront::Function').map(({ id, ref, properties }: Resolved) => {
      properties.ignore('Name');
      if (properties.maybeFlag('AutoPublish') !== true) {
        throw new TemplateFault('wrong-value', `${id}.AutoPublish`, 'it is never published');
      }
      const config = properties.object('FunctionConfig');
      config?.ignore('Comment');
      const runtime = config?.text('Runtime');
      if (runtime !== 'cloudfront-js-2.0') {
        throw new TemplateFault('invalid-runtime', id, String(runtime));
      }
      const edge = edgeFunction(properties.text('FunctionCode'), id);
      properties.done();
      return [ref, edge] as const;
    }),
  );
}

function originOf(properties: Reader): Origin {
  const { where } = properties;
  const custom = properties.object('CustomOriginConfig');
  custom?.ignore('OriginSSLProtocols', 'OriginKeepaliveTimeout');
  const protocol = custom?.text('OriginProtocolPolicy');
  if (protocol !== 'https-only') {
    throw new TemplateFault('wrong-value', `${where}.OriginProtocolPolicy`, String(protocol));
  }
  const path = properties.maybeText('OriginPath') ?? '';
  if (path !== '' && !/^\/.*[^/]$/.test(path)) {
    throw new TemplateFault('wrong-value', `${where}.OriginPath`, path);
  }
  return {
    id: properties.text('Id'),
    domain: properties.text('DomainName'),
    path,
    readMilliseconds: (custom?.maybeNumber('OriginReadTimeout') ?? 30) * 1000,
  };
}

interface Parts {
  readonly origins: readonly Origin[];
  readonly edges: ReadonlyMap<string, EdgeFunction>;
}

function behaviorOf(properties: Reader, pattern: string, { origins, edges }: Parts): Behavior {
  const { where } = properties;
  properties.ignore('Compress');
  for (const [key, known] of [
    ['CachePolicyId', NOT_CACHED],
    ['OriginRequestPolicyId', ALL_BUT_HOST],
    ['ViewerProtocolPolicy', 'https-only'],
  ] as const) {
    const value = properties.text(key);
    if (value === known) continue;
    throw new TemplateFault('wrong-value', `${where}.${key}`, `${value}; known here is ${known}`);
  }
  const target = properties.text('TargetOriginId');
  const origin = origins.find(({ id }) => id === target);
  if (origin === undefined) throw new TemplateFault('unknown-reference', where, `origin ${target}`);
  const [association, ...more] = properties.objects('FunctionAssociations');
  if (more.length > 0) throw new TemplateFault('wrong-value', where, 'several functions');
  const methods = properties.list('AllowedMethods').map((one) => asText(one, where));
  return {
    pattern: patternOf(pattern),
    methods: new Set(methods.length > 0 ? methods : ['GET', 'HEAD']),
    origin,
    edge: association && edgeOf(association, edges),
  };
}

function edgeOf(association: Reader, edges: ReadonlyMap<string, EdgeFunction>): EdgeFunction {
  const { where } = association;
  const type = association.text('EventType');
  if (type !== 'viewer-request') throw new TemplateFault('wrong-value', where, type);
  const arn = association.text('FunctionARN');
  const edge = edges.get(arn);
  if (edge === undefined) throw new TemplateFault('unknown-reference', where, arn);
  return edge;
}

/** `*` stands for any characters, slashes too; `?` for one ("Path pattern"). */
function patternOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^/?${escaped.replace(/^\//, '').replaceAll('*', '.*').replaceAll('?', '.')}$`);
}

/**
 * Gives an origin up that is silent for too long, as CloudFront does: 504, or the end. What it
 * returns is to be called whenever the origin says something.
 */
export function watchOrigin(
  response: ServerResponse,
  milliseconds: number,
  onLate: () => void,
): () => void {
  const late = (): void => {
    onLate();
    if (response.headersSent) response.destroy();
    else response.writeHead(504).end();
  };
  const timer = setTimeout(late, milliseconds);
  response.on('close', () => clearTimeout(timer));
  return () => void timer.refresh();
}
