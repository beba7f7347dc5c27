/**
 * Replies → JSON text, written key by key and never through an object: a header may be named
 * `__proto__`, and of headers that repeat the first counts.
 */
import type { Headers, Message, Reply, Splice } from '../../broker/model.ts';
import { bodyText, ENCODING } from './body.ts';

/** What a MESSAGE says itself; a header of that name would overwrite it. */
const MESSAGE_KEYS = [
  'command',
  'subscription',
  'ack',
  'message-id',
  'destination',
  'body',
  'content-length',
  ENCODING,
];

export function replyText(reply: Reply): string {
  switch (reply.type) {
    case 'connected':
      return object('CONNECTED', [
        ['version', reply.version],
        ['heart-beat', reply.heartBeat.join(',')],
        ['session', reply.session],
        ['server', reply.server],
        ...(reply.headers ?? []),
      ]);
    case 'receipt':
      return object('RECEIPT', [['receipt-id', reply.receipt], ...(reply.headers ?? [])]);
    case 'error': {
      const { error, receipt } = reply;
      const asked: Headers = receipt === undefined ? [] : [['receipt-id', receipt]];
      const said: Headers = [
        ['message', error.message],
        ['code', error.code],
      ];
      return object('ERROR', [...said, ...asked, ...error.headers], error.mend);
    }
    default:
      return reply satisfies never;
  }
}

/**
 * The copies of one message: all but `subscription` and `ack` is encoded here, once. A call with the
 * arguments of the one before returns the same array.
 */
export function messageSplice(message: Message): Splice {
  const head = Buffer.from('{"command":"MESSAGE","subscription":');
  const contentType = message.headers.find(([name]) => name === 'content-type')?.[1];
  const { json, encoding } = bodyText(message.body, contentType);
  const own: Headers = [
    ['message-id', message.id],
    ['destination', message.destination],
  ];
  const encoded: Headers = encoding === undefined ? [] : [[ENCODING, encoding]];
  const seen = new Set(MESSAGE_KEYS);
  const shared = members([...own, ...encoded], new Set()) + members(message.headers, seen);
  const tail = Buffer.from(`${shared},"body":${json}}`);
  let last: { subscription: string; ack: string | undefined; bytes: Uint8Array } | undefined;
  return (subscription, ack) => {
    if (last !== undefined && last.subscription === subscription && last.ack === ack) {
      return last.bytes;
    }
    const hole = JSON.stringify(subscription);
    const spliced = ack === undefined ? hole : `${hole},"ack":${JSON.stringify(ack)}`;
    const bytes = Buffer.concat([head, Buffer.from(spliced), tail]);
    last = { subscription, ack, bytes };
    return bytes;
  };
}

function object(command: string, headers: Headers, body?: string): string {
  const end = body === undefined ? '' : `,"body":${JSON.stringify(body)}`;
  return `{"command":"${command}"${members(headers, new Set(['command', 'body']))}${end}}`;
}

/** `,"name":"value"` for each header whose name is not among `seen`; adds them to it. */
function members(headers: Headers, seen: Set<string>): string {
  let text = '';
  for (const [name, value] of headers) {
    if (seen.has(name)) continue;
    seen.add(name);
    text += `,${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return text;
}
