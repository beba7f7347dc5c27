/**
 * RabbitMQ with Web-STOMP for the benches, where it is installed: on loopback, under a node name
 * and ports of its own, in a folder that is gone afterwards. As Debian and Ubuntu package it
 * (`apt-get install rabbitmq-server`). Its CPU is read off /proc, all threads of the Erlang machine.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SERVERS = ['/usr/lib/rabbitmq/bin/rabbitmq-server', '/usr/sbin/rabbitmq-server'];
const START_SECONDS_MAX = 90;
/** Linux counts a process's time in these, whatever its own timer does (`man 5 proc`, USER_HZ). */
const TICK_MICROSECONDS = 10_000;

export interface RabbitMq {
  readonly url: string;
  cpuMicroseconds(): number;
  /** Octets resident, of the Erlang machine. */
  memoryBytes(): number;
  stop(): Promise<void>;
}

/** Undefined: it is not installed. */
export async function startRabbitMq(folder: string): Promise<RabbitMq | undefined> {
  const server = SERVERS.find((path) => existsSync(path));
  if (server === undefined) return undefined;
  const [webStomp, epmd, distribution, amqp, stomp] = await freePorts(5);
  const home = join(folder, 'rabbitmq');
  mkdirSync(home);
  const file = (name: string, text: string): string => {
    writeFileSync(join(home, name), text);
    return join(home, name);
  };
  const config = [
    `stomp.listeners.tcp.1 = 127.0.0.1:${stomp}`,
    'web_stomp.tcp.ip = 127.0.0.1',
    `web_stomp.tcp.port = ${webStomp}`,
    // Who only listens for a minute would be cut.
    'web_stomp.cowboy_opts.idle_timeout = 3600000',
    'web_stomp.ws_opts.idle_timeout = 3600000',
  ];
  file('rabbitmq.conf', `${config.join('\n')}\n`);
  const child = spawn(server, {
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      HOME: home,
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(epmd),
      RABBITMQ_NODENAME: 'stompway-bench@localhost',
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(amqp),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_MNESIA_BASE: join(home, 'mnesia'),
      RABBITMQ_LOG_BASE: join(home, 'log'),
      RABBITMQ_LOGS: join(home, 'log', 'node'),
      RABBITMQ_PID_FILE: join(home, 'pid'),
      RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq'),
      RABBITMQ_ENABLED_PLUGINS_FILE: file('plugins', '[rabbitmq_web_stomp].\n'),
    },
  });
  const endNames = (): void => {
    const env = { ...process.env, ERL_EPMD_PORT: String(epmd), ERL_EPMD_ADDRESS: '127.0.0.1' };
    spawnSync('epmd', ['-kill'], { env, stdio: 'ignore' });
  };
  const release = takeAlong(child, () => {
    endNames();
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  });
  const stop = async (): Promise<void> => {
    release();
    const ended = once(child, 'exit');
    end(child);
    await ended;
    endNames();
  };
  await listening(webStomp ?? 0, child);
  const machine = Number(readFileSync(join(home, 'pid'), 'utf8'));
  return {
    url: `ws://127.0.0.1:${webStomp}/ws`,
    cpuMicroseconds: () => cpuOf(machine),
    memoryBytes: () => residentBytes(machine),
    stop,
  };
}

/** Its shell, the Erlang machine and their helpers are one group of processes. */
function end({ pid }: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): void {
  if (pid !== undefined) process.kill(-pid, signal);
}

/**
 * A bench that ends in its midst, by Ctrl-C too, takes the server along: in a group of its own it
 * would live on. Until the answer is called.
 */
function takeAlong(child: ChildProcess, afterwards: () => void): () => void {
  const abandon = (): void => {
    if (child.exitCode === null && child.signalCode === null) end(child, 'SIGKILL');
    afterwards();
  };
  const signals = { SIGINT: () => process.exit(130), SIGTERM: () => process.exit(143) };
  process.once('exit', abandon);
  process.on('SIGINT', signals.SIGINT).on('SIGTERM', signals.SIGTERM);
  return () => {
    process.off('exit', abandon);
    process.off('SIGINT', signals.SIGINT).off('SIGTERM', signals.SIGTERM);
  };
}

async function listening(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_SECONDS_MAX * 1000;
  while (Date.now() < deadline && child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const found = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (found) return;
    await sleep(250);
  }
  if (child.exitCode === null) end(child);
  throw new Error('rabbitmq-server did not start');
}

/** User and system time (`man 5 proc`: fields 14 and 15 of stat; the name in field 2 may hold blanks). */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MICROSECONDS;
}

/** `man 5 proc`: VmRSS of status, in kB of 1,024 octets. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** All bound before any is let go, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no TCP port');
    return address.port;
  });
  await Promise.all(
    servers.map((server) => {
      server.close();
      return once(server, 'close');
    }),
  );
  return ports;
}
