/** The echo services on a free port, for the tests of this folder. */
import { randomUUID } from 'node:crypto';
import { type EchoOptions, type EchoServer, startSockjsEcho } from '../../local/sockjs-echo.ts';

export interface Echo {
  readonly url: string;
  readonly port: number;
  /** A session's URL, new at each call, below one of the services. */
  session(service?: string): string;
}

/** Runs from the first test of a file to its last. */
export function echoServer(limits: EchoOptions['limits'] = {}): Echo {
  let server: EchoServer | undefined;
  beforeAll(async () => {
    server = await startSockjsEcho({ port: 0, limits });
  });
  afterAll(() => server?.close());
  const url = () => `http://127.0.0.1:${server?.port}`;
  return {
    get url() {
      return url();
    },
    get port() {
      return server?.port ?? 0;
    },
    session: (service = 'echo') => `${url()}/${service}/000/${randomUUID()}`,
  };
}
