/** Eight people speak in one room and eight listen, through a gateway and a queue that misbehave. */
import type { BrokerOptions } from '../../local/broker.ts';
import { ear } from './person.ts';
import { enter, start } from './served.ts';

const PUBLISHERS = 8;
const SUBSCRIBERS = 8;
/** What one of them has sent and not yet heard of. */
const UNDER_WAY = 50;

export interface Crowd {
  /** What each of them heard, in order. */
  readonly heard: readonly (readonly string[])[];
  /** What their resumes were answered. */
  readonly resumed: readonly boolean[];
}

/** Every publisher says `publisher-0` and so on; resolves when every listener has heard as many. */
export async function crowd(seed: number, messages: number): Promise<Crowd> {
  const url = await start(misbehaving(seed));
  const options = { connectionTimeout: 1_000 };
  const listeners = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, () => ear(enter(url, options), '/room/x')),
  );
  await Promise.all(
    Array.from({ length: PUBLISHERS }, async (_, publisher) => {
      const { rooms } = enter(url, options);
      for (let from = 0; from < messages; from += UNDER_WAY) {
        const some = Array.from({ length: UNDER_WAY }, (_, index) => from + index);
        await Promise.all(some.map((n) => rooms.publish('/room/x', `${publisher}-${n}`)));
      }
    }),
  );
  await Promise.all(listeners.map(({ heard }) => heard(PUBLISHERS * messages)));
  return {
    heard: listeners.map(({ bodies }) => bodies),
    resumed: listeners.flatMap(({ resumed }) => resumed),
  };
}

function misbehaving(seed: number): Partial<BrokerOptions> {
  return {
    rules: [{ pattern: '/room/*', history: { count: 10_000 } }],
    queue: { visibilityMilliseconds: 100 },
    // A 410 of a newborn is retried so long; pauses in proportion.
    limits: { youngConnectionSeconds: 0.2, postPauseMilliseconds: 5 },
    faults: {
      seed,
      postGone: 0.03,
      postThrottled: 0.03,
      postSlow: 0.02,
      postFailed: 0.03,
      postMilliseconds: 3,
      invocationTwice: 0.03,
      invocationLost: 0.02,
      disconnectLost: 0.3,
      disconnectMilliseconds: 200,
    },
  };
}

/** One sequence for all, nothing lost, nothing twice, and each publisher's own in its order. */
export function expectOneSequence({ heard, resumed }: Crowd, messages: number): void {
  const [first = [], ...others] = heard;
  for (const other of others) expect(other).toEqual(first);
  for (let publisher = 0; publisher < PUBLISHERS; publisher++) {
    const own = first.filter((body) => body.startsWith(`${publisher}-`));
    expect(own).toEqual(Array.from({ length: messages }, (_, n) => `${publisher}-${n}`));
  }
  expect(resumed.length).toBeGreaterThan(0);
  expect(resumed).not.toContain(false);
}
