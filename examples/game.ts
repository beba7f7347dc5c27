/**
 * Rock, paper, scissors for two: `npx tsx examples/game.ts ann table-1`, and another as ben. There is
 * no referee: a room is one order for all, so everybody who reads it sees the same game. Who comes in
 * late, or was away, reads what has been played and is where the others are.
 */
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

const BEATS: Readonly<Record<string, string>> = {
  rock: 'scissors',
  scissors: 'paper',
  paper: 'rock',
};

export interface Move {
  readonly name: string;
  readonly hand: string;
}

/** Folds moves into rounds: the first hand of each of two in turn; `print` hears how each ended. */
export function referee(print: (line: string) => void): (move: Move) => void {
  let first: Move | undefined;
  return (move) => {
    if (BEATS[move.hand] === undefined || move.name === first?.name) return;
    if (first === undefined) {
      first = move;
      return;
    }
    const [one, other] = [first, move];
    first = undefined;
    if (one.hand === other.hand) print(`both ${one.hand}: again`);
    else {
      const [winner, loser] = BEATS[one.hand] === other.hand ? [one, other] : [other, one];
      print(`${winner.hand} beats ${loser.hand}: ${winner.name} wins`);
    }
  };
}

export async function play(
  url: string,
  { name, table }: { readonly name: string; readonly table: string },
  print: (line: string) => void,
) {
  const socket = io(url, { auth: { 'client-id': name } });
  const see = referee(print);
  // One's own moves come back in the room's order, as everybody else sees them.
  socket.on('message', (_room, move: Move) => see(move));
  await new Promise<void>((resolve) => {
    socket.on('connect', () => {
      if (!socket.recovered) void socket.emitWithAck('join', table, { last: 100 }).then(resolve);
    });
  });
  return {
    show: (hand: string) => socket.emitWithAck('send', `/room/${table}`, { name, hand }),
    leave: () => socket.disconnect(),
  };
}

if (process.argv[1]?.endsWith('game.ts')) {
  const [, , name = 'somebody', table = 'table-1', url = 'http://127.0.0.1:8080'] = process.argv;
  const player = await play(url, { name, table }, console.log);
  console.log(`You are ${name} at ${table}: rock, paper or scissors?`);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (hand) => void player.show(hand.trim()));
  lines.on('close', () => player.leave());
}
