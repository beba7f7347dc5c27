/** The operator's rules as the construct takes them, checked at synth and written for the handlers. */
import { Duration } from 'aws-cdk-lib';
import { makePolicies, parseRules, type Rule } from '../broker/rules.ts';

/** What holds for the destinations of a pattern. The first rule that matches counts. */
export interface DestinationRule extends Omit<Rule, 'history'> {
  /**
   * What is kept of a logged destination.
   *
   * @default - 1,000 messages, 24 hours
   */
  readonly history?: {
    /** The newest so many messages. */
    readonly count?: number;
    /** A text as in `stompway.json`, `"2h"`, or a `Duration`, which becomes one. */
    readonly age?: Duration | string;
  };
}

/** `rules.json`. Throws an Error that names the rule and the key, in words for the operator. */
export function rulesJson(rules: readonly DestinationRule[]): string {
  const parsed = parseRules(rules.map(written));
  makePolicies(parsed);
  return `${JSON.stringify(parsed, undefined, 1)}\n`;
}

/** A `Duration` becomes the text of the same time; all else is left for the check. */
function written(rule: DestinationRule): unknown {
  const age = rule.history?.age;
  if (!(age instanceof Duration)) return rule;
  const milliseconds = age.toMilliseconds();
  const text = milliseconds % 1000 === 0 ? `${milliseconds / 1000}s` : `${milliseconds}ms`;
  return { ...rule, history: { ...rule.history, age: text } };
}
