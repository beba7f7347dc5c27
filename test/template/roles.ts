/** Roles, their policies, and who may invoke a function, out of the template. */
import { TemplateFault } from './fault.ts';
import { type Authority, createAuthority } from './iam.ts';
import { asText } from './json.ts';
import { managedPolicy, statementsOf, wildcard } from './policy.ts';
import type { Stack } from './stack.ts';

export function authorityOf(stack: Stack): Authority {
  const authority = createAuthority();
  for (const { name, properties } of stack.of('AWS::IAM::Role')) {
    const { where } = properties;
    properties.ignore('RoleName', 'Description', 'MaxSessionDuration', 'Path', 'Tags');
    const trust = properties.any('AssumeRolePolicyDocument');
    authority.addRole(name, statementsOf(trust, `${where}.AssumeRolePolicyDocument`));
    for (const arn of properties.list('ManagedPolicyArns')) {
      authority.grant(name, managedPolicy(asText(arn, where), where));
    }
    for (const policy of properties.objects('Policies')) {
      policy.ignore('PolicyName');
      authority.grant(name, statementsOf(policy.any('PolicyDocument'), policy.where));
    }
    properties.done();
  }
  for (const { properties } of stack.of('AWS::IAM::Policy')) {
    properties.ignore('PolicyName');
    const { where } = properties;
    const statements = statementsOf(properties.any('PolicyDocument'), `${where}.PolicyDocument`);
    for (const role of properties.list('Roles')) authority.grant(asText(role, where), statements);
    properties.done();
  }
  for (const { properties } of stack.of('AWS::SQS::QueuePolicy')) {
    properties.ignore('Queues');
    authority.guard(statementsOf(properties.any('PolicyDocument'), properties.where));
    properties.done();
  }
  return authority;
}

/** `AWS::Lambda::Permission`: the resource policies of the functions. */
export interface Permissions {
  /** Throws unless `principal`, acting for `sourceArn`, may invoke the function. */
  demand(functionArn: string, principal: string, sourceArn: string): void;
  /** Throws unless anybody may invoke the function through its URL, which takes two permissions. */
  demandUrl(functionArn: string): void;
}

export function permissionsOf(stack: Stack): Permissions {
  const permissions = stack.of('AWS::Lambda::Permission').map(({ properties }) => {
    const permission = {
      action: properties.text('Action'),
      functionName: properties.text('FunctionName'),
      principal: properties.text('Principal'),
      sourceArn: properties.maybeText('SourceArn'),
      authType: properties.maybeText('FunctionUrlAuthType'),
      throughUrl: properties.maybeFlag('InvokedViaFunctionUrl') ?? false,
    };
    properties.done();
    return permission;
  });
  const of = (functionArn: string, principal: string) =>
    permissions.filter(
      (one) =>
        (one.functionName === functionArn || functionArn.endsWith(`:${one.functionName}`)) &&
        one.principal === principal,
    );
  return {
    demandUrl: (functionArn) => {
      const all = of(functionArn, '*');
      const name = functionArn.split(':').at(-1) ?? functionArn;
      const mayUse = (one: (typeof all)[number]): boolean =>
        one.action === 'lambda:InvokeFunctionUrl' && one.authType === 'NONE';
      if (!all.some(mayUse)) {
        throw new TemplateFault('invoke-not-permitted', name, 'lambda:InvokeFunctionUrl by *');
      }
      if (!all.some((one) => one.action === 'lambda:InvokeFunction' && one.throughUrl)) {
        throw new TemplateFault('invoke-not-permitted', name, 'lambda:InvokeFunction by * via URL');
      }
    },
    demand: (functionArn, principal, sourceArn) => {
      const found = of(functionArn, principal).some(
        (one) =>
          one.action === 'lambda:InvokeFunction' &&
          !one.throughUrl &&
          (one.sourceArn === undefined || wildcard(one.sourceArn, sourceArn)),
      );
      if (found) return;
      const name = functionArn.split(':').at(-1) ?? functionArn;
      throw new TemplateFault('invoke-not-permitted', name, `by ${principal} for ${sourceArn}`);
    },
  };
}
