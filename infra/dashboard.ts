import type { WebSocketStage } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  AlarmStatusWidget,
  Dashboard,
  GraphWidget,
  type IAlarm,
  type IMetric,
  Stats,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { Construct } from 'constructs';
import type { BrokerFunctions } from './functions.ts';
import type { IngressQueue } from './ingress-queue.ts';
import type { TaskQueue } from './task-queue.ts';

export interface BrokerDashboardProps {
  readonly stage: WebSocketStage;
  readonly table: Table;
  readonly functions: BrokerFunctions;
  readonly queues?: IngressQueue;
  readonly tasks: TaskQueue;
  readonly alarms: readonly IAlarm[];
}

/** What one looks at first when somebody says that messages do not arrive. */
export function brokerDashboard(
  scope: Construct,
  id: string,
  { stage, table, functions, queues, tasks, alarms }: BrokerDashboardProps,
): Dashboard {
  const each = Object.values(functions.byName());
  const gateway = (name: string) => stage.metric(name, { statistic: Stats.SUM });
  const capacity = { statistic: Stats.SUM };
  const dashboard = new Dashboard(scope, id);
  dashboard.addWidgets(new AlarmStatusWidget({ title: 'Alarms', alarms: [...alarms], width: 24 }));
  dashboard.addWidgets(
    graph('Connects and messages', [gateway('ConnectCount'), gateway('MessageCount')]),
    graph('Refused by the gateway', [gateway('ClientError'), gateway('IntegrationError')]),
    graph('Table units', [
      table.metricConsumedReadCapacityUnits(capacity),
      table.metricConsumedWriteCapacityUnits(capacity),
    ]),
  );
  dashboard.addWidgets(
    graph(
      'Function time (p99)',
      each.map((one) => one.metricDuration({ statistic: Stats.p(99) })),
    ),
    graph(
      'Function errors and throttles',
      each.flatMap((one) => [one.metricErrors(), one.metricThrottles()]),
    ),
    ...(queues === undefined ? [] : [queueGraph(queues)]),
  );
  dashboard.addWidgets(
    graph('Rooms: oldest in the stream (ms)', [
      functions.deliver.metric('IteratorAge', { statistic: Stats.MAXIMUM }),
    ]),
    graph('Tasks and jobs: waiting, dead', [
      tasks.queue.metricApproximateNumberOfMessagesVisible(),
      tasks.deadLetterQueue.metricApproximateNumberOfMessagesVisible(),
      tasks.jobs.metricApproximateNumberOfMessagesVisible(),
      tasks.deadJobs.metricApproximateNumberOfMessagesVisible(),
    ]),
  );
  return dashboard;
}

function queueGraph({ queue, deadLetterQueue }: IngressQueue): GraphWidget {
  return graph('Ingress queue: oldest (s), waiting, dead', [
    queue.metricApproximateAgeOfOldestMessage(),
    queue.metricApproximateNumberOfMessagesVisible(),
    deadLetterQueue.metricApproximateNumberOfMessagesVisible(),
  ]);
}

function graph(title: string, left: IMetric[]): GraphWidget {
  return new GraphWidget({ title, left, width: 8, height: 6 });
}
