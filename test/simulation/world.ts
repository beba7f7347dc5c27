/**
 * The broker under simulation: the real handlers and the real core over the memory adapters, wired
 * to a gateway, a queue, a stream and a fleet that all obey one scheduler.
 */
import { memoryCounters } from '../../adapters/memory/counters.ts';
import { memoryOutbox } from '../../adapters/memory/outbox.ts';
import { makeAllowance } from '../../broker/allowance.ts';
import { LIMITS, type Limits } from '../../broker/limits.ts';
import type { Ingress, Jobs, Log, Logs, Ports, Slow, Task } from '../../broker/ports.ts';
import { makePolicies } from '../../broker/rules.ts';
import { makeSlow } from '../../broker/slow.ts';
import { jsonDialect } from '../../protocol/json/dialect.ts';
import { makeDetect } from '../../protocol/negotiate.ts';
import { rawCarrier } from '../../protocol/raw.ts';
import { stompDialect } from '../../protocol/stomp/dialect.ts';
import { type Attempts, makeAttempts } from './attempts.ts';
import type { Bug } from './bugs.ts';
import { type Environment, type Fleet, type Invocation, makeFleet } from './fleet.ts';
import { type Gateway, makeGateway } from './gateway.ts';
import { type Handlers, makeHandlers } from './handlers.ts';
import { type JobQueue, makeJobQueue } from './jobs.ts';
import { follow, idsOf, type Kept, makeKept } from './kept.ts';
import { makeMarks, paged } from './paged.ts';
import type { Plan, Weather } from './plan.ts';
import { makeQueue, type Queue, type QueueHandlers } from './queue.ts';
import type { Scheduler } from './scheduler.ts';
import { makeStream, type Stream } from './stream.ts';
import type { Truth } from './truth.ts';
import { acceptedBy } from './work-truth.ts';
import { yielding } from './yielding.ts';

export interface World {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly truth: Truth;
  readonly gateway: Gateway;
  readonly kept: Kept;
  readonly queue: Queue;
  readonly jobs: JobQueue;
  readonly stream: Stream;
  readonly attempts: Attempts;
}

export interface WorldOptions {
  readonly scheduler: Scheduler;
  readonly weather: Weather;
  readonly truth: Truth;
  readonly bug: Bug | undefined;
  /** A fault of ours that no fault of the plan explains. */
  readonly unexplained: (event: string, cause: unknown) => void;
}

const SWEEP_MILLISECONDS = 60_000;
/** Faults that may be logged without one of the plan on the same invocation. */
const EXPLAINED =
  /injected|gateway answered|not reached the head|not handled within|given up after|not be posted in time/;

export function makeWorld(options: WorldOptions): World {
  const { scheduler, weather, truth, bug } = options;
  const kept = makeKept(scheduler);
  const { plan } = weather;
  const attempts = makeAttempts();
  const marks = makeMarks();
  const counters = memoryCounters({ now: scheduler.now });
  const limits = limitsOf(plan);
  const crowds = plan.scenario === 'crowds';
  const limited = plan.scenario !== 'queues' && plan.historyCount !== undefined;
  const pastMessages = limited ? { count: plan.historyCount } : {};
  const policies = makePolicies([{ pattern: '/room/*', history: pastMessages }]);

  const fleet: Fleet<Handlers> = makeFleet(scheduler, weather, (environment) => {
    const ports = portsOf(environment);
    const queued = plan.ingress === 'fifo' ? ingress(environment) : undefined;
    const handlers = makeHandlers(bug?.ports?.(ports) ?? ports, queued);
    return bug?.handlers?.(handlers) ?? handlers;
  });

  function logOf(environment: Environment): Log {
    return {
      info: () => undefined,
      warn: () => undefined,
      error(event, cause, fields) {
        const invocation = environment.invocation();
        const connectionId = fields?.['connectionId'];
        if (event === 'condemn-failed') invocation.handedBack.add(String(connectionId));
        scheduler.note(`${invocation.name} logs ${event}`, () => String(cause));
        if (!invocation.hurt && !EXPLAINED.test(String(cause))) options.unexplained(event, cause);
      },
    };
  }

  function portsOf(environment: Environment): Ports {
    const timer = {
      sleep: (milliseconds: number) =>
        new Promise<void>((resolve) => {
          environment.after(milliseconds, resolve);
        }),
      after: environment.after,
    };
    const log = logOf(environment);
    const clock = { now: scheduler.now };
    const management = gateway.management(environment.invocation);
    return {
      store: yielding(
        'store',
        crowds ? paged(kept.store, plan.crowd.pageRows, marks) : kept.store,
        environment,
      ),
      outbox: memoryOutbox({
        management: {
          post: (id, payload) => environment.call('post', async () => management.post(id, payload)),
          delete: (id) => environment.call('close', async () => management.delete(id)),
        },
        clock,
        timer,
        limits,
        log,
      }),
      clock,
      timer,
      ids: idsOf(scheduler),
      log,
      limits,
      dialects: DIALECTS,
      carriers: CARRIERS,
      detect: DETECT,
      plain: jsonDialect,
      server: 'stompway/simulation',
      logs: logsOf(environment),
      ...(crowds ? crowdPorts(environment) : {}),
    };
  }

  function crowdPorts(environment: Environment): Pick<Ports, 'jobs' | 'slow' | 'allowance'> {
    const clock = { now: scheduler.now };
    const sending: Jobs = {
      // Each is a request of its own: who dies in between has sent some of them.
      async send(some) {
        const by = environment.invocation();
        await Promise.all(
          some.map((job) => environment.call('jobs.send', async () => jobs.put(job, by))),
        );
      },
    };
    const shared = yielding('counters', counters, environment);
    const slow = makeSlow(bug?.unmarked ? undefined : yielding('marks', marks, environment));
    const holding: Slow = {
      ...slow,
      hold(receivers, ports) {
        const ids = receivers.map(({ connectionId }) => connectionId);
        jobs.holds(ids, environment.invocation());
        return slow.hold(receivers, ports);
      },
    };
    return { jobs: sending, slow: holding, allowance: makeAllowance(shared, { clock, limits }) };
  }

  function logsOf(environment: Environment): Logs {
    const later = {
      async schedule(seconds: number, task: Task) {
        scheduler.after(seconds * 1000 + 1500 * scheduler.random.next(), 'task due', () =>
          run(task),
        );
        if (weather.falls('again')) scheduler.after(seconds * 1000, 'task due', () => run(task));
      },
    };
    const liveness = { alive: async (id: string) => gateway.isOpen(id) };
    return {
      held: yielding('held', kept.store.held, environment),
      journal: attempts.of(yielding('journal', kept.journal, environment), environment.invocation),
      roster: yielding('roster', kept.roster, environment),
      checks: yielding('checks', kept.checks, environment),
      shelf: yielding('shelf', kept.shelf, environment),
      later: yielding('later', later, environment),
      liveness: yielding('gateway', liveness, environment),
      policies,
    };
  }

  function ingress(environment: Environment): Ingress {
    const direct: Ingress = {
      async send({ connectionId, requestId, eventType, messageId, requestTimeEpoch, body }) {
        queue.put({
          group: connectionId,
          deduplicationId: requestId,
          eventType,
          messageId,
          at: requestTimeEpoch,
          body,
        });
      },
    };
    return yielding('ingress', direct, environment);
  }

  function run(task: Task): void {
    fleet.invoke(
      'task',
      ({ task: handle }) => handle(task),
      ({ type }) => {
        if (type !== 'answered') scheduler.after(2000, 'task again', () => run(task));
      },
    );
  }

  function sweep(): void {
    scheduler.after(SWEEP_MILLISECONDS, 'sweep', () => {
      fleet.invoke(
        'sweep',
        (handlers) => handlers.sweep(),
        () => undefined,
      );
      sweep();
    });
  }

  const noted = (connectionId: string, by: Invocation) =>
    truth.observe({ type: 'full', connectionId, by });
  let messages = 0;
  const gateway: Gateway = makeGateway(scheduler, weather, {
    connect(id, at, done) {
      fleet.invoke(
        'connect',
        (handlers) => handlers.connect(id, at),
        (outcome) => done(outcome.type === 'answered' && outcome.value.statusCode === 200),
      );
    },
    message(id, at, payload, failed) {
      const messageId = `m${++messages}=`;
      if (plan.ingress === 'direct') {
        scheduler.after(3 * plan.latencyMilliseconds * scheduler.random.next(), 'straight', () =>
          fleet.invoke(
            'message',
            (on) => on.straight(id, at, messageId, payload),
            ({ type }) => {
              if (type !== 'answered') failed();
            },
          ),
        );
      } else {
        const deduplicationId = `request-${messageId}`;
        queue.put({
          group: id,
          deduplicationId,
          eventType: 'MESSAGE',
          messageId,
          at,
          body: payload,
        });
      }
    },
    disconnect(id, at) {
      fleet.invoke(
        'disconnect',
        (handlers) => handlers.disconnect(id, at),
        () => undefined,
      );
    },
    ...(plan.scenario === 'queues' ? { accepted: acceptedBy(scheduler, truth) } : {}),
    ...(crowds ? { full: noted } : {}),
  });

  const fromQueue: QueueHandlers = {
    message: (records, done, poisoned) =>
      fleet.invoke(
        'message',
        (handlers) => handlers.queued(records),
        (outcome) => {
          // It catches what it can and hands back the rest: strangers wait for nobody.
          if (outcome.type === 'threw') options.unexplained('message', 'the handler threw');
          done(outcome);
        },
        poisoned,
      ),
    dead: (records, done) => fleet.invoke('dead', (handlers) => handlers.dead(records), done),
  };
  const queue = makeQueue(scheduler, weather, fromQueue, bug);
  const jobs = makeJobQueue(
    scheduler,
    weather,
    (records, done, options) =>
      fleet.invoke('work', (handlers) => handlers.work(records), done, options),
    (body, of) => truth.observe({ type: 'divided', body, of }),
    bug,
  );
  const stream = makeStream(
    scheduler,
    weather,
    (records, done) => fleet.invoke('deliver', (handlers) => handlers.deliver(records), done),
    bug?.unordered,
  );
  follow(kept.journal, (record) => {
    truth.observe({ type: 'logged', record });
    if (bug?.skips?.(record) !== true) stream.put(record);
  });
  sweep();
  return { scheduler, weather, truth, gateway, kept, queue, jobs, stream, attempts };
}

function limitsOf({ scenario, work, crowd }: Plan): Limits {
  if (scenario === 'rooms') return LIMITS;
  if (scenario === 'crowds') return { ...LIMITS, ...crowd };
  const { ackSeconds, deliveriesMax } = work;
  return { ...LIMITS, ackSecondsDefault: ackSeconds, deliveriesMaxDefault: deliveriesMax };
}

const DIALECTS = new Map([stompDialect, jsonDialect].map((dialect) => [dialect.name, dialect]));
const CARRIERS = new Map([[rawCarrier.name, rawCarrier]]);
const DETECT = makeDetect({ stomp: stompDialect, json: jsonDialect });
