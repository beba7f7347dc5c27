/** What the public Engine.IO protocol tests expect: what is said comes back. */
import { consoleLog } from '../adapters/system.ts';
import { type EngineServer, engineServer } from './engineio-server.ts';
import type { Beat, EngineService } from './engineio-session.ts';
import { startServer } from './server.ts';
import type { EchoServer } from './sockjs-echo.ts';

export interface EngineEchoOptions {
  readonly port: number;
  /** Tests change them. */
  readonly beat?: Partial<Beat>;
  readonly maxPayload?: number;
}

const ECHO: EngineService = (socket) => ({
  message: (data) => socket.send(data),
  closed: () => undefined,
});

/** The tests' own numbers. */
export const ECHO_BEAT: Beat = {
  pingMilliseconds: 300,
  pongMilliseconds: 200,
  upgradeMilliseconds: 10_000,
};
export const ECHO_PAYLOAD_MAX = 1_000_000;

export function startEngineEcho(options: EngineEchoOptions): Promise<EchoServer> {
  const { port, beat, maxPayload = ECHO_PAYLOAD_MAX } = options;
  const served = { ...ECHO_BEAT, ...beat, maxPayload, prefix: '/engine.io', service: ECHO };
  return serveEngine(engineServer(served), port);
}

/** A port of its own for one server. */
export async function serveEngine(engine: EngineServer, port: number): Promise<EchoServer> {
  const log = consoleLog({ level: 'warn', write: console.error });
  const server = await startServer({ mounts: [engine.mount], log, host: '127.0.0.1', port });
  return {
    port: server.port,
    async close() {
      engine.stop();
      await server.close(0);
    },
  };
}
