/**
 * A chat in a terminal, with socket.io-client as it comes: `npx tsx examples/chat.ts ann kitchen`.
 * There is no server code: rooms, presence and who hears whom are the broker's own.
 */
import { createInterface } from 'node:readline';
import { io, type Socket } from 'socket.io-client';

export interface Chat {
  say(text: string): Promise<unknown>;
  leave(): void;
}

/** `print` gets a line for each thing that happens in the room. */
export async function chat(
  url: string,
  { name, room }: { readonly name: string; readonly room: string },
  print: (line: string) => void,
): Promise<Chat> {
  const socket: Socket = io(url, { auth: { 'client-id': name } });
  socket.on('message', (_room, { from, text }) => print(`${from}: ${text}`));
  socket.on('presence', (_room, { join, leave }) => {
    if (join) print(`* ${join.member} joins`);
    if (leave) print(`* ${leave.member} leaves`);
  });
  // After each connect, also those that follow a cut.
  const joined = async (): Promise<void> => {
    await socket.emitWithAck('join', room);
    await socket.emitWithAck('subscribe', `/presence/room/${room}`);
  };
  await new Promise<void>((resolve) => {
    socket.on('connect', () => void joined().then(resolve));
  });
  return {
    say: (text) => socket.emitWithAck('message', room, { from: name, text }),
    leave: () => socket.disconnect(),
  };
}

if (process.argv[1]?.endsWith('chat.ts')) {
  const [, , name = 'somebody', room = 'kitchen', url = 'http://127.0.0.1:8080'] = process.argv;
  const here = await chat(url, { name, room }, console.log);
  console.log(`You are ${name}, in ${room}. Say something:`);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (text) => void here.say(text));
  lines.on('close', () => here.leave());
}
