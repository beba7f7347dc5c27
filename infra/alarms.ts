import { Duration, Names } from 'aws-cdk-lib';
import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  Alarm,
  ComparisonOperator,
  type IMetric,
  Metric,
  Stats,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { EventSourceMapping, Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import { FilterPattern } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { BrokerFunctions } from './functions.ts';
import type { IngressQueue } from './ingress-queue.ts';
import type { TaskQueue } from './task-queue.ts';

const PERIOD = Duration.minutes(1);
/** Six times the backlog at which a flooding connection is ended (broker/limits.ts). */
const MESSAGE_AGE = Duration.seconds(30);

export interface BrokerAlarmsProps {
  readonly stage: WebSocketStage;
  readonly functions: BrokerFunctions;
  readonly queues?: IngressQueue;
  readonly tasks: TaskQueue;
  /** What reads the heads of logs. */
  readonly heads: EventSourceMapping;
  /** @default Duration.seconds(30) */
  readonly messageAgeAlarm?: Duration;
  readonly alarmTopic?: ITopic;
}

/** One alarm for each thing that should never happen; silence is health. */
export class BrokerAlarms extends Construct {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, props: BrokerAlarmsProps) {
    super(scope, id);
    this.alarms = [
      this.alarm('IntegrationErrors', 0, sum(props.stage, 'IntegrationError'), [
        'API Gateway could not hand an event to its function or queue:',
        'clients get "Internal server error" in the middle of their stream.',
      ]),
      ...(props.queues === undefined ? [] : this.queueAlarms(props.queues, props)),
      ...this.logAlarms(props),
      ...Object.entries(props.functions.byName()).flatMap(([name, each]) =>
        this.functionAlarms(name, each),
      ),
    ];
    if (props.alarmTopic === undefined) return;
    for (const alarm of this.alarms) alarm.addAlarmAction(new SnsAction(props.alarmTopic));
  }

  private queueAlarms(queues: IngressQueue, props: BrokerAlarmsProps): readonly Alarm[] {
    // What redrive moves is not counted as sent, and `dead` takes it too soon to be seen waiting.
    const dead = queues.deadLetterQueue.metricNumberOfMessagesReceived({ period: PERIOD });
    const age = queues.queue.metricApproximateAgeOfOldestMessage({ period: PERIOD });
    const ageMax = props.messageAgeAlarm ?? MESSAGE_AGE;
    return [
      this.alarm('IngressUnreadable', 0, this.unreadable(props.functions.message), [
        'The queue delivered what does not decode: API Gateway reads the mapping template otherwise',
        'than meant. Deploy with -c ingress=direct.',
      ]),
      this.alarm('DeadLetters', 0, dead, [
        'A message crashed the handler on every try; its connection has been ended.',
      ]),
      this.alarm('MessageAge', ageMax.toSeconds(), age, [
        'Messages wait in the ingress queue: the handlers crash, are throttled, or are too few.',
      ]),
    ];
  }

  private logAlarms({ functions, tasks, heads, messageAgeAlarm }: BrokerAlarmsProps) {
    const age = functions.deliver.metric('IteratorAge', {
      statistic: Stats.MAXIMUM,
      period: PERIOD,
    });
    const undelivered = new Metric({
      namespace: 'AWS/Lambda',
      metricName: 'OnFailureDestinationDeliveredEventCount',
      dimensionsMap: { EventSourceMappingUUID: heads.eventSourceMappingId },
      statistic: Stats.SUM,
      period: PERIOD,
    });
    const dead = tasks.deadLetterQueue.metricApproximateNumberOfMessagesVisible({ period: PERIOD });
    const deadJobs = tasks.deadJobs.metricApproximateNumberOfMessagesVisible({ period: PERIOD });
    return [
      this.alarm('DeliveryAge', (messageAgeAlarm ?? MESSAGE_AGE).toMilliseconds(), age, [
        'Messages to rooms wait in the stream: deliver crashes, is throttled, or is too slow.',
      ]),
      this.alarm('Undelivered', 0, undelivered, [
        'Records of logs could not be delivered for 23 hours. They are in the bucket: messages that',
        'history does not have.',
      ]),
      this.alarm('DeadJobs', 0, deadJobs, [
        'A part of a large audience could not be posted to on every try, and misses messages.',
      ]),
      this.alarm('DeadTasks', 0, dead, [
        'Tasks could not be done; a member of a room may seem to be there that is not. Once the cause',
        'is mended they may be given back.',
      ]),
    ];
  }

  /** Counts the handler's log lines of this name, whatever the format of the line. */
  private unreadable(message: Lambda): IMetric {
    const filter = message.logGroup.addMetricFilter('IngressUnreadable', {
      filterPattern: FilterPattern.anyTerm('ingress-unreadable'),
      metricNamespace: 'Stompway',
      metricName: `${Names.uniqueResourceName(this, { separator: '-' })}-IngressUnreadable`,
    });
    return filter.metric({ statistic: Stats.SUM, period: PERIOD });
  }

  private functionAlarms(name: string, each: Lambda): readonly Alarm[] {
    return [
      this.alarm(`${name}Errors`, 0, each.metricErrors({ period: PERIOD }), [
        `The ${name} function crashed or timed out; its log says why.`,
      ]),
      this.alarm(`${name}Throttles`, 0, each.metricThrottles({ period: PERIOD }), [
        `The ${name} function was refused: the account's concurrency is used up.`,
      ]),
    ];
  }

  private alarm(id: string, above: number, metric: IMetric, says: readonly string[]): Alarm {
    return new Alarm(this, id, {
      metric,
      threshold: above,
      evaluationPeriods: 1,
      alarmDescription: says.join(' '),
      treatMissingData: TreatMissingData.NOT_BREACHING,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    });
  }
}

function sum(stage: WebSocketStage, metricName: string): IMetric {
  return stage.metric(metricName, { statistic: Stats.SUM, period: PERIOD });
}
