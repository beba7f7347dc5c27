/** EventBridge rules with a rate: their targets are invoked on demand, never by the clock. */
import { TemplateFault } from './fault.ts';
import type { Lambdas } from './lambdas.ts';
import { ruleArn } from './names.ts';
import type { Permissions } from './roles.ts';
import type { Stack } from './stack.ts';

export interface Schedule {
  readonly rule: string;
  /** What EventBridge does when the time has come. Throws what the function failed with. */
  fire(): Promise<void>;
}

export function schedulesOf(
  stack: Stack,
  lambdas: Lambdas,
  permissions: Permissions,
): readonly Schedule[] {
  return stack.of('AWS::Events::Rule').flatMap(({ name, properties }) => {
    properties.ignore('Name', 'Description');
    const expression = properties.text('ScheduleExpression');
    if (!/^rate\(\d+ (?:minute|hour|day)s?\)$|^cron\(.+\)$/.test(expression)) {
      throw new TemplateFault('wrong-value', `${properties.where}.ScheduleExpression`, expression);
    }
    const state = properties.maybeText('State') ?? 'ENABLED';
    if (state !== 'ENABLED') throw new TemplateFault('wrong-value', properties.where, state);
    const targets = properties.objects('Targets').map((target) => {
      target.ignore('Id', 'RetryPolicy');
      const found = lambdas.byArn(target.text('Arn'), target.where);
      permissions.demand(found.spec.arn, 'events.amazonaws.com', ruleArn(name));
      const input = target.maybeText('Input');
      const event = input === undefined ? scheduledEvent(name) : JSON.parse(input);
      return async () => {
        const answer = await found.invoke(event);
        if ('errorType' in answer) {
          throw new TemplateFault('handler-failed', found.spec.name, answer.errorMessage);
        }
      };
    });
    properties.done();
    return targets.map((fire) => ({ rule: name, fire }));
  });
}

function scheduledEvent(rule: string): unknown {
  return { source: 'aws.events', 'detail-type': 'Scheduled Event', resources: [ruleArn(rule)] };
}
