/**
 * A chat on the SockJS carrier alone, as the echo service is: one room, and whatever anybody says is
 * heard by all. For the fallback bench, beside the same few lines on sockjs-node.
 */
import { type WebSocket, WebSocketServer } from 'ws';
import { memoryMailboxes } from '../adapters/memory/mailboxes.ts';
import { consoleLog, systemClock, systemIds, systemTimer } from '../adapters/system.ts';
import { LIMITS } from '../broker/limits.ts';
import { makeSessions } from '../lambda/sessions.ts';
import { sockjsHandler } from '../lambda/sockjs.ts';
import { httpMount } from '../local/http-mount.ts';
import { startServer } from '../local/server.ts';
import { messagesFrame, OPEN, readMessage } from '../protocol/sockjs/frames.ts';

/** Resolves with its port. */
export async function startChat(prefix: string): Promise<number> {
  const log = consoleLog({ level: 'warn', write: console.error });
  const limits = { ...LIMITS, mailboxBytesMax: 1024 * 1024 };
  const mailboxes = memoryMailboxes({ clock: systemClock, limits });
  const world = { mailboxes, clock: systemClock, timer: systemTimer, ids: systemIds, limits, log };
  const polling = new Set<string>();
  const sockets = new Set<WebSocket>();
  const say = async (texts: readonly string[]): Promise<void> => {
    const frame = messagesFrame(texts);
    for (const socket of sockets) socket.send(frame);
    const post = [Buffer.from(frame)];
    await Promise.all([...polling].map((id) => mailboxes.append(id, post)));
  };
  const sessions = makeSessions(world, {
    service: {
      opened: async (connectionId) => {
        polling.add(connectionId);
      },
      heard: (_, texts) => say(texts),
      lost: async (connectionId) => {
        polling.delete(connectionId);
      },
    },
    sessionSeconds: limits.sessionSeconds,
    keepsInterrupted: false,
  });
  const server = new WebSocketServer({ noServer: true });
  const join = (socket: WebSocket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('message', (body) => {
      const texts = readMessage(String(body));
      if (typeof texts !== 'string') void say(texts);
    });
    socket.send(OPEN);
  };
  const options = { prefix, websocket: true, clientUrl: '' };
  const mount = httpMount({
    prefix,
    handler: sockjsHandler(world, sessions, options),
    bodyBytesMax: limits.httpBodyBytesMax,
    upgrade: (request, socket, head) => server.handleUpgrade(request, socket, head, join),
  });
  return (await startServer({ mounts: [mount], log, host: '127.0.0.1', port: 0 })).port;
}
