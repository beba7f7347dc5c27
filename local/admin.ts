/**
 * `npm run admin`: who is connected, and the end of it, against a running server's HTTP side.
 * STOMPWAY_URL says where it is (http://127.0.0.1:8080), STOMPWAY_ADMIN_KEY opens it.
 */
const USAGE = `npm run admin -- command
  list [--user NAME] [--destination /topic/a] [--after NEXT]
                                                 who is connected, page by page
  kick CONNECTION                                end one connection
  ban NAME [TIME]                                end a user's connections; with 2h keep him out
  pardon NAME                                    let him in again
  ban-token ID [TIME]                            the same for one token
  durables NAME                                  durable subscriptions of a client-id or user
  send NAME queue/x TEXT                         a message to /user/NAME/queue/x
Variables: STOMPWAY_URL (http://127.0.0.1:8080), STOMPWAY_ADMIN_KEY`;

const UNCONFIGURED =
  'This broker serves no administration: its stompway.json has no "administration": {"keys": […]}.';

/** More than these is a mistake: `kick` of two would end one. */
const WORDS_MAX: ReadonlyMap<string | undefined, number> = new Map([
  ['kick', 1],
  ['ban', 2],
  ['pardon', 1],
  ['ban-token', 2],
  ['durables', 1],
]);

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

const request = requestOf(process.argv.slice(2));
if (['--help', '-h'].includes(process.argv[2] ?? '')) console.log(USAGE);
else if (request === undefined) {
  console.error(`This is no such command, or part of it is missing or too much.\n\n${USAGE}`);
  process.exitCode = 2;
} else process.exitCode = await ask(request);

function requestOf(args: readonly string[]): Request | undefined {
  const [command, first = '', second, ...rest] = args;
  if (args.length - 1 > (WORDS_MAX.get(command) ?? Number.POSITIVE_INFINITY)) return undefined;
  const name = encodeURIComponent(first);
  const ban = (time: string | undefined) =>
    time === undefined ? '' : `?ban=${encodeURIComponent(time)}`;
  switch (command) {
    case 'list':
      return listing(args.slice(1));
    case 'kick':
      return first === '' ? undefined : { method: 'DELETE', path: `/connections/${name}` };
    case 'ban':
      return first === '' ? undefined : { method: 'DELETE', path: `/users/${name}${ban(second)}` };
    case 'pardon':
      return first === '' ? undefined : { method: 'DELETE', path: `/users/${name}?ban=off` };
    case 'ban-token':
      return first === '' ? undefined : { method: 'DELETE', path: `/tokens/${name}${ban(second)}` };
    case 'durables':
      return first === '' ? undefined : { method: 'GET', path: `/durables?client-id=${name}` };
    case 'send':
      if (first === '' || second === undefined || rest.length === 0) return undefined;
      return { method: 'POST', path: `/users/${name}/${second}`, body: rest.join(' ') };
    default:
      return undefined;
  }
}

/** `--user NAME --destination /topic/a` as a query. A flag unknown would list everybody. */
function listing(flags: readonly string[]): Request | undefined {
  const query = new URLSearchParams();
  for (let at = 0; at < flags.length; at += 2) {
    const [flag = '', value] = flags.slice(at, at + 2);
    if (!['--user', '--destination', '--after'].includes(flag) || value === undefined) {
      return undefined;
    }
    query.set(flag.slice(2), value);
  }
  return { method: 'GET', path: query.size === 0 ? '/connections' : `/connections?${query}` };
}

async function ask({ method, path, body }: Request): Promise<number> {
  const base = process.env['STOMPWAY_URL'] ?? 'http://127.0.0.1:8080';
  const key = process.env['STOMPWAY_ADMIN_KEY'] ?? '';
  try {
    const response = await fetch(new URL(path, base), {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'text/plain' },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    console.log(
      response.status === 404 && text.startsWith('Not found') ? UNCONFIGURED : text.trim(),
    );
    return response.ok ? 0 : 1;
  } catch (cause) {
    console.error(`${base} does not answer: ${cause instanceof Error ? cause.message : cause}`);
    return 1;
  }
}
