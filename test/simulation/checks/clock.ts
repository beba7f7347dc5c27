/** Time: nothing is posted before its delay is over, nor for the first time when its life is. */
import type { MakeChecker } from './checker.ts';

/** From the lease to the post, and back: slow calls, and refusals tried again. */
const SLOW_MILLISECONDS = 20_000;

export const clock: MakeChecker = ({ truth, report }) => ({
  observe(observation) {
    if (observation.type !== 'posted') return;
    const { body, destination, headers, at } = observation.posted;
    const sent = truth.sents.get(body);
    if (sent === undefined || sent.destination !== destination) return;
    const delay = Number(sent.headers['x-delay'] ?? 0);
    if (at < sent.at + delay) report(`${body} came ${sent.at + delay - at} ms too early`);
    const life = sent.headers['expiration'];
    if (life === undefined || headers['redelivered'] === 'true' || sent.repeated) return;
    const late = at - (sent.receiptedAt ?? at) - Number(life);
    if (late > SLOW_MILLISECONDS) report(`${body} came ${late} ms after its end`);
  },
});
