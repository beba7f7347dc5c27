/**
 * The load of the Socket.IO bench: clients that speak its protocol over bare WebSockets, so that the
 * load is the same for both servers, and light. In each room the first member says, the others hear.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Crowd {
  /** Deliveries of one burst. */
  readonly deliveries: number;
  /** One message a room, `backlog` times back to back; resolves when everybody has heard all. */
  burst(backlog: number): Promise<void>;
  close(): void;
}

export interface CrowdOptions {
  readonly port: number;
  readonly rooms: number;
  /** Beside the speaker. */
  readonly listeners: number;
  readonly bodyBytes: number;
}

/** Handshakes under way at once. */
const OPENING_MAX = 50;

export async function gatherCrowd(options: CrowdOptions): Promise<Crowd> {
  const { port, rooms, listeners, bodyBytes } = options;
  let missing = 0;
  let complete = (): void => undefined;
  const heard = (data: Buffer): void => {
    // `42["message",…`: pings and answers are none.
    if (data[0] !== 0x34 || data[1] !== 0x32) return;
    missing -= 1;
    if (missing === 0) complete();
  };
  const clients: WebSocket[] = [];
  const speakers: (readonly [client: WebSocket, text: string])[] = [];
  const places = Array.from({ length: rooms * (listeners + 1) }, (_, place) => place);
  for (let from = 0; from < places.length; from += OPENING_MAX) {
    const some = places.slice(from, from + OPENING_MAX);
    await Promise.all(
      some.map(async (place) => {
        const room = `room-${place % rooms}`;
        const client = await member(port, room);
        client.on('message', heard);
        clients.push(client);
        const text = `42["message","${room}","${'x'.repeat(bodyBytes)}"]`;
        if (place < rooms) speakers.push([client, text]);
      }),
    );
  }
  const deliveries = rooms * listeners;
  return {
    deliveries,
    burst: (backlog) =>
      new Promise((resolve) => {
        missing = deliveries * backlog;
        complete = resolve;
        for (let count = 0; count < backlog; count++) {
          for (const [client, text] of speakers) client.send(text);
        }
      }),
    close: () => {
      for (const client of clients) client.terminate();
    },
  };
}

async function member(port: number, room: string): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
  await once(client, 'message');
  for (const text of ['40', `420["join","${room}"]`]) {
    const answered = once(client, 'message');
    client.send(text);
    await answered;
  }
  return client;
}
