/**
 * Prices for whoever watches: `npx tsx examples/ticker.ts watch tea` in one terminal, `npx tsx
 * examples/ticker.ts tick tea` in another. Who ticks holds no connection: on AWS it would be a Lambda
 * with `emitterOnAws()` and a schedule, here it is a script. Who comes late is told the last price.
 */
import { io } from 'socket.io-client';
import type { Emitter } from '../emitter/emitter.ts';
import { emitterByHttp } from '../emitter/http.ts';

export interface Price {
  readonly symbol: string;
  readonly price: number;
}

/** Resolves once it watches; `leave` ends it. */
export async function watch(url: string, symbol: string, print: (price: Price) => void) {
  const socket = io(url);
  socket.on('price', (price: Price) => print(price));
  await new Promise<void>((resolve) => {
    socket.on('connect', () => {
      // Where it was lost for a moment, what it missed comes by itself.
      if (!socket.recovered) void socket.emitWithAck('join', symbol, { last: 1 }).then(resolve);
    });
  });
  return { leave: () => socket.disconnect() };
}

/** One price for all who watch the symbol, whatever they speak. */
export function tick(emitter: Emitter, price: Price): Promise<void> {
  return emitter.to(price.symbol).emit('price', price);
}

if (process.argv[1]?.endsWith('ticker.ts')) {
  const [, , role = 'watch', symbol = 'tea', url = 'http://127.0.0.1:8080'] = process.argv;
  if (role === 'watch') await watch(url, symbol, ({ price }) => console.log(`${symbol} ${price}`));
  else {
    const emitter = emitterByHttp(url);
    let price = 100;
    setInterval(() => {
      price += Math.round(Math.random() * 10 - 5);
      tick(emitter, { symbol, price }).catch((cause: unknown) => console.error(String(cause)));
    }, 1000);
  }
}
