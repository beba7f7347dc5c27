/** The resources of one assembly with everything in them resolved, by type. */
import type { Assembly } from './assembly.ts';
import { TemplateFault } from './fault.ts';
import { resolve } from './intrinsics.ts';
import { type Reader, reader } from './json.ts';
import { namesOf, type Place } from './names.ts';

export interface Resolved {
  readonly id: string;
  readonly type: string;
  /** Its physical name. */
  readonly name: string;
  /** What `Ref` gives for it. */
  readonly ref: string;
  readonly properties: Reader;
}

export interface Stack {
  readonly assembly: Assembly;
  of(...types: readonly string[]): readonly Resolved[];
  /** Refuses a resource that nobody asked for and that is not listed as without effect. */
  demandAllRead(): void;
}

export function resolveStack(assembly: Assembly, place: Place): Stack {
  const names = namesOf(assembly, place);
  const all = names.resources.map((resource): Resolved => {
    const where = `${resource.id} (${resource.type})`;
    return {
      id: resource.id,
      type: resource.type,
      name: names.name(resource),
      ref: names.scope.ref(resource.id) ?? '',
      properties: reader(resolve(resource.properties, names.scope, where), where),
    };
  });
  const asked = new Set<string>(Object.keys(WITHOUT_EFFECT));
  return {
    assembly,
    of: (...types) => {
      for (const type of types) asked.add(type);
      return all.filter(({ type }) => types.includes(type));
    },
    demandAllRead: () => {
      const ignored = all.find(({ type }) => !asked.has(type));
      if (ignored === undefined) return;
      throw new TemplateFault('unknown-resource-type', ignored.id, `${ignored.type} is not served`);
    },
  };
}

/**
 * Resource types that are accepted without effect, and why nothing here depends on them. Their
 * references are resolved all the same.
 */
export const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  'AWS::ApiGatewayV2::Deployment': 'a stage serves what the template says',
  'AWS::CDK::Metadata': 'counts constructs for AWS',
  'AWS::CloudWatch::Alarm': 'nothing is measured here',
  'AWS::CloudWatch::CompositeAlarm': 'nothing is measured here',
  'AWS::CloudWatch::Dashboard': 'nothing is measured here',
  'AWS::Logs::MetricFilter': 'nothing is measured here',
  'AWS::Lambda::EventInvokeConfig': 'asynchronous events are tried three times here',
  'AWS::Logs::LogGroup': 'the rights to it are checked',
  'AWS::S3::Bucket': 'the rights to it are checked; nothing is kept',
  'AWS::S3::BucketPolicy': 'buckets are written to by Lambda alone',
  'AWS::SNS::Topic': 'alarms alone publish to it',
};
