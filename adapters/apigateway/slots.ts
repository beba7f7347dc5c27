/** Runs so many at once, first come first served. */
export type Slots = <T>(use: () => Promise<T>) => Promise<T>;

export function makeSlots(count: number): Slots {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (use) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await use();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
