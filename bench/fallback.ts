/**
 * `npm run bench:fallback`: an echo and a chat of one room over each SockJS transport, our carrier on
 * the memory mailboxes beside sockjs-node, by turns and on the same machine. Clients are
 * sockjs-client; CPU is that of the server's process alone, per message heard. `ROUNDS=n` measures
 * each so often after a first that warms up, and the medians count; exit 1 over the bar.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import SockJS from 'sockjs-client';
import { takeNoFlags } from '../local/flags.ts';
import { LOADED, STARTED } from './peers/peer.ts';

takeNoFlags('npm run bench:fallback takes no options.\nVariables: MESSAGES (1000), ROUNDS (3)');

const SERVICES = ['echo', 'chat'] as const;
const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'] as const;
const KINDS = ['stompway', 'sockjs-node'] as const;
const CLIENTS = 10;
/** Heard by each client in a round. */
const MESSAGES = Number(process.env['MESSAGES'] || '1000');
const ROUNDS = Number(process.env['ROUNDS'] || '3');
/** Of its own that a client waits for at a time: a conversation, not a flood. */
const WINDOW = { echo: 5, chat: 1 } as const;
const TEXT = 'x'.repeat(100);
/** What our carrier may take of sockjs-node's CPU. */
const BAR = 1.5;
const ENTRY = fileURLToPath(new URL('./fallback-server.ts', import.meta.url));

type Service = (typeof SERVICES)[number];

interface Measured {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

const rows: Record<string, Record<string, Measured>> = {};
let over = 0;
for (const service of SERVICES) {
  for (const transport of TRANSPORTS) {
    const [ours, theirs] = await measured(service, transport);
    const ratio = ours.cpuMicroseconds / theirs.cpuMicroseconds;
    if (ratio > BAR) over += 1;
    rows[`${service} ${transport}`] = { stompway: ours, 'sockjs-node': theirs };
    console.log(
      `${service} ${transport.padEnd(14)} ${show(ours)}   sockjs-node ${show(theirs)}   CPU ${ratio.toFixed(2)}×${ratio > BAR ? ` OVER ${BAR}×` : ''}`,
    );
  }
}
console.log(
  `BENCH ${JSON.stringify({ bench: 'fallback', clients: CLIENTS, rounds: ROUNDS, rows })}`,
);
process.exit(over > 0 ? 1 : 0);

/** Medians of either, measured by turns so that a noisy moment meets both. */
async function measured(
  service: Service,
  transport: string,
): Promise<readonly [Measured, Measured]> {
  const servers = await Promise.all(KINDS.map((kind) => serve(kind, service)));
  const found: Measured[][] = [[], []];
  try {
    for (const { port } of servers) await converse(service, port, transport, MESSAGES / 5);
    for (let round = 0; round < ROUNDS; round++) {
      for (const [which, { server, port }] of servers.entries()) {
        found[which]?.push(
          await measure(server, () => converse(service, port, transport, MESSAGES)),
        );
      }
    }
  } finally {
    for (const { server } of servers) server.kill();
  }
  const [ours = [], theirs = []] = found;
  return [medians(ours), medians(theirs)];
}

async function serve(kind: string, service: Service) {
  const server = fork(ENTRY, [kind, service], {
    execArgv: [...(kind === 'stompway' ? STARTED : LOADED)],
  });
  const { port } = await told<{ port: number }>(server);
  return { server, port };
}

async function measure(server: ChildProcess, run: () => Promise<number>): Promise<Measured> {
  const before = await cpu(server);
  const began = performance.now();
  const heard = await run();
  const seconds = (performance.now() - began) / 1000;
  return {
    perSecond: heard / seconds,
    cpuMicroseconds: ((await cpu(server)) - before) / heard,
  };
}

function medians(all: readonly Measured[]): Measured {
  const median = (values: number[]): number =>
    values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    perSecond: median(all.map(({ perSecond }) => perSecond)),
    cpuMicroseconds: median(all.map(({ cpuMicroseconds }) => cpuMicroseconds)),
  };
}

function show({ perSecond, cpuMicroseconds }: Measured): string {
  return `${Math.round(perSecond)} messages/s, ${cpuMicroseconds.toFixed(1)} µs CPU each`;
}

async function cpu(server: ChildProcess): Promise<number> {
  server.send('cpu');
  const { cpu } = await told<{ cpu: NodeJS.CpuUsage }>(server);
  return cpu.user + cpu.system;
}

/** What our own server says; it is of the shape that it is asked for. */
async function told<T>(server: ChildProcess): Promise<T> {
  const [message] = await once(server, 'message');
  return message;
}

/** How many messages were heard by all clients together. */
async function converse(
  service: Service,
  port: number,
  transport: string,
  count: number,
): Promise<number> {
  const sockets = await Promise.all(Array.from({ length: CLIENTS }, () => opened(port, transport)));
  // In a chat each hears what all say.
  const own = service === 'chat' ? Math.ceil(count / CLIENTS) : count;
  const all = service === 'chat' ? own * CLIENTS : own;
  await Promise.all(
    sockets.map((socket, which) => talk(socket, { name: String(which), own, all, service })),
  );
  for (const socket of sockets) {
    socket.onclose = null;
    socket.close();
  }
  return all * CLIENTS;
}

function opened(port: number, transport: string): Promise<SockJS> {
  const url = `http://127.0.0.1:${port}/echo`;
  const socket = new SockJS(url, null, { transports: transport, timeout: 10_000 });
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onclose = ({ code, reason }) => reject(new Error(`${transport}: ${code} ${reason}`));
  });
}

interface Talk {
  readonly name: string;
  /** So many it says… */
  readonly own: number;
  /** …and so many it hears. */
  readonly all: number;
  readonly service: Service;
}

function talk(socket: SockJS, { name, own, all, service }: Talk): Promise<void> {
  return new Promise((resolve, reject) => {
    let [said, back, heard] = [0, 0, 0];
    const say = (): void => {
      while (said < own && said - back < WINDOW[service]) {
        said += 1;
        socket.send(name + TEXT);
      }
    };
    socket.onmessage = ({ data }) => {
      heard += 1;
      if (data.startsWith(name)) back += 1;
      if (heard === all) resolve();
      else say();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`closed: ${code} ${reason}`));
    say();
  });
}
