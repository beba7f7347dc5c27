/** The operator's own Lambdas, as the construct takes them. */
import { type Duration, Stack } from 'aws-cdk-lib';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { isPattern } from '../broker/permission.ts';
import { allow } from './grants.ts';

/** Code that is asked: what is sent to its pattern under `/app/`, or what others are about to do. */
export interface ApplicationProps {
  /**
   * `/app/orders.create`, `/app/**`; of hooks any pattern.
   *
   * @default - every destination
   */
  readonly pattern?: string;
  /**
   * What it is asked about.
   *
   * @default ['message']
   */
  readonly events?: readonly ('message' | 'connect' | 'subscribe' | 'publish')[];
  /** It gets the request and returns the answer, as docs/protocol.md tells. */
  readonly handler: IFunction;
  /**
   * How long it is waited for; 8 seconds at most.
   *
   * @default Duration.seconds(5)
   */
  readonly timeout?: Duration;
}

const SECONDS_MAX = 8;

/** What `APPLICATIONS` holds. Throws in words for the operator. */
export function applicationsText(scope: Construct, all: readonly ApplicationProps[]): string {
  const entries = all.map(({ pattern, events = ['message'], handler, timeout }, index) => {
    if (pattern !== undefined && !isPattern(pattern)) {
      throw new Error(`applications[${index}].pattern ${pattern} is no pattern of destinations`);
    }
    const seconds = timeout?.toSeconds({ integral: false });
    if (seconds !== undefined && seconds > SECONDS_MAX) {
      throw new Error(`applications[${index}].timeout may be ${SECONDS_MAX} seconds at most`);
    }
    return {
      ...(pattern === undefined ? {} : { pattern }),
      events,
      function: handler.functionArn,
      ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
    };
  });
  return Stack.of(scope).toJsonString(entries);
}

export function invokeApplications(all: readonly ApplicationProps[]): PolicyStatement {
  return allow(['lambda:InvokeFunction'], ...all.map(({ handler }) => handler.functionArn));
}
