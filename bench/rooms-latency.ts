/** How much later a message of the logged lane is than one of the direct lane, one at a time. */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Latency {
  /** Milliseconds from SEND to MESSAGE at the sender itself, median and 99th percentile. */
  readonly topic: Percentiles;
  readonly room: Percentiles;
}

export interface Percentiles {
  readonly median: number;
  readonly p99: number;
}

const ROUNDS = 2_000;
const WARM = 200;

/** The lanes take turns, message by message. */
export async function latencyAt(port: number): Promise<Latency> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, ['v12.stomp']);
  await once(client, 'open');
  await ask(client, 'CONNECT\naccept-version:1.2\nhost:h\nheart-beat:0,0\n\n\0');
  const lanes = { topic: '/topic/latency', room: '/room/latency' };
  const times: Record<keyof typeof lanes, number[]> = { topic: [], room: [] };
  for (const [lane, destination] of Object.entries(lanes)) {
    await ask(client, `SUBSCRIBE\nid:${lane}\ndestination:${destination}\nreceipt:r\n\n\0`);
  }
  const body = 'x'.repeat(256);
  for (let round = -WARM; round < ROUNDS; round++) {
    for (const lane of ['topic', 'room'] as const) {
      const began = performance.now();
      await ask(client, `SEND\ndestination:${lanes[lane]}\n\n${body}\0`);
      if (round >= 0) times[lane].push(performance.now() - began);
    }
  }
  client.terminate();
  return { topic: percentiles(times.topic), room: percentiles(times.room) };
}

async function ask(client: WebSocket, text: string): Promise<void> {
  const answered = once(client, 'message');
  client.send(text);
  await answered;
}

function percentiles(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    return Number(value.toFixed(3));
  };
  return { median: at(0.5), p99: at(0.99) };
}
