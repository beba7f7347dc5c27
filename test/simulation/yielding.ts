/** Ports through which every call goes to the scheduler first. */
import type { Environment } from './fleet.ts';

/** The same port; each of its methods becomes a call of the environment. */
export function yielding<Port extends object>(
  name: string,
  port: Port,
  environment: Environment,
): Port {
  const methods = new Map<string | symbol, unknown>();
  return new Proxy(port, {
    get(target, key) {
      const known = methods.get(key);
      if (known !== undefined) return known;
      const method: unknown = Reflect.get(target, key);
      if (typeof method !== 'function') return method;
      const what = `${name}.${String(key)}`;
      const wrapped = (...given: readonly unknown[]) =>
        environment.call(what, async () => Reflect.apply(method, target, given));
      methods.set(key, wrapped);
      return wrapped;
    },
  });
}
