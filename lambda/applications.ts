/** The operator's own Lambdas, as the template names them in `APPLICATIONS`. */
import { concerns } from '../broker/permission.ts';
import type { ApplicationRequest, Applications } from '../broker/ports.ts';

type Invoke = ReturnType<typeof import('../adapters/lambda/invoke.ts').makeInvoke>;

interface Entry {
  readonly pattern?: string;
  readonly events: readonly ApplicationRequest['event'][];
  /** Name or ARN of the function. */
  readonly function: string;
  readonly timeoutSeconds?: number;
}

/** What the template wrote, looked at before it is believed. */
export function readApplications(text: string): readonly Entry[] {
  const json: unknown = JSON.parse(text);
  if (!Array.isArray(json)) throw new Error('APPLICATIONS must be a list');
  return json.map((value: unknown) => {
    const entry: Partial<Entry> = Object(value);
    if (typeof entry.function !== 'string' || !Array.isArray(entry.events)) {
      throw new Error('an entry of APPLICATIONS names a function and events');
    }
    return { ...entry, function: entry.function, events: entry.events };
  });
}

/** `invoke` is asked for when the first is needed. */
export function lambdaApplications(
  entries: readonly Entry[],
  load: () => Promise<Invoke>,
): Applications {
  let invoke: Promise<Invoke> | undefined;
  const all = entries.map((entry) => ({
    ...entry,
    application: async (request: ApplicationRequest) => {
      invoke ??= load();
      return (await invoke)(entry.function, request);
    },
  }));
  return {
    find: (event, destination) =>
      all.find(
        ({ events, pattern }) =>
          events.includes(event) &&
          (pattern === undefined || (destination !== undefined && concerns(pattern, destination))),
      ),
  };
}

/** `asked.mjs` beside the bundle. `variables` are the function's own. */
export async function loadInvoke(folder: URL, variables: Variables): Promise<Invoke> {
  return (await loadAsked(folder)).makeInvoke(variables);
}

type Variables = Readonly<Record<string, string | undefined>>;
type Asked = typeof import('../adapters/asked.ts');

export async function loadAsked(folder: URL): Promise<Asked> {
  return import(new URL('asked.mjs', folder).href);
}
