import fc from 'fast-check';
import { Deadlines, type Due } from '../../adapters/apigateway/deadlines.ts';

/** A world whose one timer is moved by hand. */
function stage(milliseconds: number) {
  let now = 0;
  let timer: { at: number; action: () => void } | undefined;
  let set = 0;
  const deadlines = new Deadlines({
    clock: { now: () => now },
    timer: {
      sleep: () => Promise.reject(new Error('nobody sleeps here')),
      after(after, action) {
        if (timer !== undefined) throw new Error('two timers at once');
        const own = { at: now + after, action };
        timer = own;
        set += 1;
        return () => {
          if (timer === own) timer = undefined;
        };
      },
    },
    milliseconds,
  });
  return {
    deadlines,
    advance(by: number) {
      const until = now + by;
      while (timer !== undefined && timer.at <= until) {
        const { at, action } = timer;
        now = at;
        timer = undefined;
        action();
      }
      now = until;
    },
    timers: () => ({ set, pending: timer !== undefined }),
  };
}

function due(name: number, expired: number[], deadlines: Deadlines): Due {
  const one: Due = {
    expireAt: 0,
    earlier: undefined,
    later: undefined,
    expire() {
      expired.push(name);
      deadlines.leave(one);
    },
  };
  return one;
}

test('each expires in its time and in the order it came, unless it left before, whatever the order', () => {
  const step = fc.oneof(
    fc.constant({ type: 'enter' as const }),
    fc.record({ type: fc.constant('leave' as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant('wait' as const), milliseconds: fc.nat(60) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { deadlines, advance, timers } = stage(100);
      const expired: number[] = [];
      const inside = new Map<number, { readonly one: Due; readonly at: number }>();
      const expected: number[] = [];
      let now = 0;
      let entered = 0;
      for (const step of steps) {
        if (step.type === 'enter') {
          const one = due(entered, expired, deadlines);
          inside.set(entered++, { one, at: now + 100 });
          deadlines.enter(one);
        } else if (step.type === 'leave') {
          const [name, found] = [...inside][step.which % Math.max(1, inside.size)] ?? [];
          if (name === undefined || found === undefined) continue;
          inside.delete(name);
          deadlines.leave(found.one);
        } else {
          advance(step.milliseconds);
          now += step.milliseconds;
          const over = [...inside].filter(([, { at }]) => at <= now).map(([name]) => name);
          expected.push(...over);
          for (const name of over) inside.delete(name);
        }
        expect(expired).toEqual(expected);
        expect(timers().pending).toBe(inside.size > 0);
      }
    }),
  );
});

test('one timer serves all that come while the first still waits', () => {
  const { deadlines, timers } = stage(100);
  const all = Array.from({ length: 1000 }, (_, name) => due(name, [], deadlines));
  for (const one of all) deadlines.enter(one);
  for (const one of all.slice(0, -1)) deadlines.leave(one);
  expect(timers()).toEqual({ set: 1, pending: true });
});
