/** `npm start`: reads the flags, starts the broker, says where it is, and ends it on a signal. */
import { SERVER } from '../lambda/version.ts';
import type { Broker } from './broker.ts';
import { hostFault, type Options, readOptions, readQuestion } from './options.ts';

/** A start that takes longer than this says so. */
const SILENCE_MILLISECONDS = 1_000;
/** A signal is obeyed within this, whatever the handlers do. */
const EXIT_MILLISECONDS = 1_900;

const args = process.argv.slice(2);
const told = readQuestion(args, SERVER);
const options = readOptions(args, process.env);
if (told !== undefined) console.log(told);
else if (typeof options === 'string') fail(options);
else await start(options);

async function start(chosen: Options): Promise<void> {
  const progress = setTimeout(() => console.log('starting …'), SILENCE_MILLISECONDS);
  try {
    // Loaded only now: a wrong flag is answered at once.
    const [{ readConfig }, { startBroker }] = await Promise.all([
      import('./config.ts'),
      import('./broker.ts'),
    ]);
    const config = readConfig(chosen.config);
    const fault = hostFault(chosen.host, config.security.identity !== undefined);
    if (fault !== undefined) return fail(fault);
    const broker = await startBroker({ ...chosen, ...config });
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void leave(broker));
    }
    announce(chosen, broker);
  } catch (cause) {
    fail(inWords(cause, chosen));
  } finally {
    clearTimeout(progress);
  }
}

function announce(chosen: Options, broker: Broker): void {
  const place = `${broker.host.includes(':') ? `[${broker.host}]` : broker.host}:${broker.port}`;
  console.log(`stompway
  STOMP and JSON  ws://${place}/ws
  SockJS          http://${place}/sockjs
  Socket.IO       http://${place}
  HTTP            curl -d hi http://${place}/topic/greetings
  web page        http://${place}/
  data            ${chosen.memory ? 'in memory, gone at the end' : chosen.data}
Try it:  npx wscat -c ws://${place}/ws
ready on ${place}`);
}

async function leave(broker: Broker): Promise<void> {
  setTimeout(() => process.exit(0), EXIT_MILLISECONDS).unref();
  await broker.close();
  process.exit(0);
}

function inWords(cause: unknown, { port, host }: Options): string {
  if (!(cause instanceof Error)) return String(cause);
  const code = 'code' in cause ? cause.code : undefined;
  if (code === 'EADDRINUSE') {
    return `Port ${port} on ${host} is taken. Choose another with --port or PORT.`;
  }
  if (code === 'EACCES' && port > 0 && port < 1024) {
    return `Port ${port} needs more rights than this process has. Choose one from 1024 up.`;
  }
  return cause.message;
}

function fail(words: string): void {
  console.error(words);
  process.exit(1);
}
