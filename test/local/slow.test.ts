/** A client that stops reading, over real sockets: nobody waits for it, and it hears the newest. */
import WebSocket from 'ws';
import { startBroker } from '../../local/broker.ts';

/** More than the kernel's own buffers hold. */
const MESSAGES = 400;
const BODY = 'x'.repeat(30_000);

test('a client that stops reading holds up nobody, and later hears the newest in order', async () => {
  const broker = await startBroker({
    port: 0,
    memory: true,
    gateway: { clientBufferBytesMax: 64 * 1024 },
  });
  const sockets: WebSocket[] = [];
  const opened = async (): Promise<WebSocket> => {
    const socket = new WebSocket(`ws://127.0.0.1:${broker.port}/ws`);
    sockets.push(socket);
    await new Promise((resolve) => socket.once('open', resolve));
    return socket;
  };
  /** Resolves with the numbers heard, once `last` is among them. */
  const hearing = (socket: WebSocket, last: number) =>
    new Promise<readonly number[]>((resolve) => {
      const numbers: number[] = [];
      socket.on('message', (data) => {
        const number = /"body":"(\d+) /.exec(String(data))?.[1];
        if (number === undefined) return;
        numbers.push(Number(number));
        if (Number(number) === last) resolve(numbers);
      });
    });
  try {
    const [quick, slow, speaker] = [await opened(), await opened(), await opened()];
    const joined = [quick, slow].map(
      (socket) => new Promise((resolve) => socket.once('message', resolve)),
    );
    for (const socket of [quick, slow]) socket.send('{"subscribe":"/topic/x"}');
    await Promise.all(joined);
    const heardBySlow = hearing(slow, MESSAGES - 1);
    slow.pause();
    for (let number = 0; number < MESSAGES; number++) {
      const heard = new Promise((resolve) => quick.once('message', resolve));
      speaker.send(JSON.stringify({ send: '/topic/x', body: `${number} ${BODY}` }));
      await heard;
    }
    slow.resume();
    const numbers = await heardBySlow;
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers.length).toBeLessThan(MESSAGES);
  } finally {
    for (const socket of sockets) socket.terminate();
    await broker.close();
  }
}, 20_000);
