/** Many topics of one subscriber each, on as many connections whatever their number. */
import { ask, enterAll, leave } from './crowd.ts';
import { MANNERS } from './manner.ts';
import type { Peer } from './peer.ts';

const CONNECTIONS = 100;
const NUL = 0;

export interface Topics {
  /** `count` messages back to back, each to the next topic; resolves when all have arrived. */
  burst(count: number): Promise<void>;
  close(): Promise<void>;
}

/** For peers that speak STOMP. A connection subscribes to a hundredth of the topics. */
export async function gatherTopics(
  peer: Pick<Peer, 'name' | 'url'>,
  { topics, bodyBytes }: { readonly topics: number; readonly bodyBytes: number },
): Promise<Topics> {
  const nameOf = (topic: number): string => `/topic/bench.${topics}.${topic}`;
  const nothing = Array.from({ length: CONNECTIONS + 1 }, () => '');
  const [publisher, ...clients] = await enterAll(peer, nothing, 'speaker');
  if (publisher === undefined) throw new Error('nobody to publish');
  for (let topic = 0; topic < topics; topic++) {
    const client = clients[topic % CONNECTIONS] ?? publisher;
    const headers = `id:topic-${topic}\ndestination:${nameOf(topic)}\nreceipt:ready`;
    await ask(client, `SUBSCRIBE\n${headers}\n\n\0`);
  }
  let missing = 0;
  let complete = (): void => undefined;
  for (const client of clients) {
    client.on('message', (data: Buffer) => {
      for (let at = data.indexOf(NUL); at >= 0; at = data.indexOf(NUL, at + 1)) missing -= 1;
      if (missing === 0) complete();
    });
  }
  let fail = (cause: Error): void => {
    throw cause;
  };
  const cut = (): void => fail(new Error(`${peer.name} closed a connection`));
  for (const client of [publisher, ...clients]) client.once('close', cut);
  const { speech } = MANNERS[peer.name];
  const body = 'x'.repeat(bodyBytes);
  let next = 0;
  return {
    burst: (count) =>
      new Promise((resolve, reject) => {
        missing = count;
        complete = resolve;
        fail = reject;
        for (let sent = 0; sent < count; sent++, next++) {
          publisher.send(speech(nameOf(next % topics), body));
        }
      }),
    close: () => {
      for (const client of [publisher, ...clients]) client.off('close', cut);
      return leave([publisher, ...clients]);
    },
  };
}
