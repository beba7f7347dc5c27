/**
 * `npm run bench:fallback`: echo over each SockJS transport, our carrier on the memory mailboxes
 * beside sockjs-node, in turn and on the same machine. Clients are sockjs-client; CPU is that of the
 * server's process alone.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import SockJS from 'sockjs-client';

const TRANSPORTS = ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling'] as const;
const KINDS = ['stompway', 'sockjs-node'] as const;
const CLIENTS = 10;
const MESSAGES = Number(process.env['MESSAGES'] || '1000');
/** Echoes a client waits for at a time: a conversation, not a flood. */
const WINDOW = 5;
const TEXT = 'x'.repeat(100);
const ENTRY = fileURLToPath(new URL('./fallback-server.ts', import.meta.url));

interface Measured {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

const rows: Record<string, Record<string, Measured>> = {};
for (const transport of TRANSPORTS) {
  rows[transport] = {};
  // Twice each: the first warms the server's code.
  for (const kind of [...KINDS, ...KINDS]) rows[transport][kind] = await measure(kind, transport);
  const [ours, theirs] = KINDS.map((kind) => rows[transport]?.[kind]);
  if (ours === undefined || theirs === undefined) continue;
  const ratio = ours.cpuMicroseconds / theirs.cpuMicroseconds;
  console.log(
    `${transport.padEnd(14)} ${show(ours)}   sockjs-node ${show(theirs)}   CPU ${ratio.toFixed(2)}×`,
  );
}
console.log(`BENCH ${JSON.stringify({ bench: 'fallback', clients: CLIENTS, rows })}`);

function show({ perSecond, cpuMicroseconds }: Measured): string {
  return `${Math.round(perSecond)} messages/s, ${cpuMicroseconds.toFixed(1)} µs CPU each`;
}

async function measure(kind: string, transport: string): Promise<Measured> {
  const server = fork(ENTRY, [kind], { execArgv: ['--import', 'tsx'] });
  const { port } = await told<{ port: number }>(server);
  try {
    await echo(port, transport, Math.ceil(MESSAGES / 10));
    const before = await cpu(server);
    const began = performance.now();
    await echo(port, transport, MESSAGES);
    const seconds = (performance.now() - began) / 1000;
    const used = (await cpu(server)) - before;
    const all = CLIENTS * MESSAGES;
    return { perSecond: all / seconds, cpuMicroseconds: used / all };
  } finally {
    server.kill();
  }
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

async function echo(port: number, transport: string, count: number): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, () => converse(port, transport, count)));
}

function converse(port: number, transport: string, count: number): Promise<void> {
  const url = `http://127.0.0.1:${port}/echo`;
  const socket = new SockJS(url, null, { transports: transport, timeout: 10_000 });
  return new Promise((resolve, reject) => {
    let sent = 0;
    let heard = 0;
    const say = (): void => {
      while (sent < count && sent - heard < WINDOW) {
        sent += 1;
        socket.send(TEXT);
      }
    };
    socket.onopen = say;
    socket.onmessage = () => {
      heard += 1;
      if (heard < count) return say();
      socket.onclose = null;
      socket.close();
      resolve();
    };
    socket.onclose = ({ code, reason }) => reject(new Error(`${transport}: ${code} ${reason}`));
  });
}
