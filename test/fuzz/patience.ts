/**
 * How long to wait, by this process's own turns: on a busy machine it may be stopped for seconds,
 * and then whoever it waits for was stopped too, being the same process.
 */
const BEAT_MILLISECONDS = 100;

interface Waiting {
  left: number;
  readonly act: () => void;
}

const waiting = new Set<Waiting>();
setInterval(() => {
  for (const one of waiting) {
    one.left--;
    if (one.left > 0) continue;
    waiting.delete(one);
    one.act();
  }
}, BEAT_MILLISECONDS).unref();

/** Calls `act` after so long, unless the returned function is called before. */
export function unlessDone(milliseconds: number, act: () => void): () => void {
  const one = { left: Math.ceil(milliseconds / BEAT_MILLISECONDS), act };
  waiting.add(one);
  return () => void waiting.delete(one);
}
