/** What callbacks deliver, as something to await: `push` fills it, `next` takes in order. */
export interface Heard<T> extends AsyncIterator<T, never> {
  readonly push: (value: T) => void;
}

export function heard<T>(): Heard<T> {
  const values: T[] = [];
  const waiting: ((value: IteratorResult<T, never>) => void)[] = [];
  return {
    push: (value) => {
      const first = waiting.shift();
      if (first === undefined) values.push(value);
      else first({ value, done: false });
    },
    next: () =>
      new Promise((resolve) => {
        const value = values.shift();
        if (value === undefined) waiting.push(resolve);
        else resolve({ value, done: false });
      }),
  };
}
