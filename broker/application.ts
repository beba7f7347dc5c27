/**
 * SEND, wherever it goes. To `/app/…` it goes to the operator's own code, which answers the sender,
 * publishes elsewhere, or refuses; everything else is published. What an application publishes needs
 * no permission: it speaks for the operator.
 */
import { authorize, userOf } from './authorize.ts';
import { consult } from './consult.ts';
import { parseTarget } from './destination.ts';
import { BrokerError } from './errors.ts';
import type { Headers, SendCommand } from './model.ts';
import type { ApplicationMessage } from './ports.ts';
import { publicationOf, queue, type Waits } from './publish.ts';
import { type Place, publishPending, type Session } from './session.ts';
import { withReplyTo } from './temporary.ts';

/** Where an answer goes that was given no `reply-to`. */
const REPLIES = 'queue/replies';

/** The receipt of what goes to an application is told once its messages are out. */
export function send(command: SendCommand, session: Session, place: Place): Waits {
  const act = command.destination.startsWith('/app/') ? ask : queue;
  return act(command, session, place);
}

async function ask(command: SendCommand, session: Session, place: Place): Promise<void> {
  const { ports } = session;
  const target = parseTarget(command.destination, ports.limits);
  authorize('publish', target, session);
  // What was sent before it takes effect before it.
  if (session.publications.length > 0) await publishPending(session);
  const headers = await withReplyTo(command.headers, session, place);
  const asking = { destination: command.destination, target, headers, body: command.body };
  const answer = await consult('message', asking, session, place);
  if (answer === undefined) throw nobodyThere();
  const named = (suffix: string) => ({ ...place, messageId: `${place.messageId}-${suffix}` });
  if (answer.reply !== undefined) {
    // By the sender's rights: a reply-to must lead the operator's word nowhere the sender may not.
    const reply = sendOf(replyTo(answer.reply, headers, session));
    session.publications.push(await publicationOf(reply, session, named('r')));
  }
  const speaking = asOperator(session);
  for (const [index, message] of (answer.publish ?? []).entries()) {
    const at = named(index.toString(36));
    session.publications.push(await publicationOf(sendOf(message), speaking, at));
  }
  if (command.receipt !== undefined) session.receipts.push(command.receipt);
  await publishPending(session);
}

/** To the `reply-to` it came with, else to the sender's own replies; told which request it answers. */
function replyTo(reply: ApplicationMessage, asked: Headers, session: Session) {
  const first = (name: string) => asked.find(([one]) => one === name)?.[1];
  const correlation = first('correlation-id');
  return {
    ...reply,
    headers: {
      ...(correlation === undefined ? {} : { 'correlation-id': correlation }),
      ...reply.headers,
    },
    destination: first('reply-to') ?? `/user/${userOf(session)}/${REPLIES}`,
  };
}

function sendOf({
  destination,
  headers = {},
  body,
}: ApplicationMessage & { readonly destination: string }): SendCommand {
  const text = typeof body === 'string' || body === undefined;
  const typed = text || 'content-type' in headers ? {} : { 'content-type': 'application/json' };
  return {
    type: 'send',
    destination,
    headers: Object.entries({ ...typed, ...headers }),
    body: Buffer.from(text ? (body ?? '') : JSON.stringify(body)),
  };
}

/** The same conversation, without its client's bounds: hooks are not asked again either. */
function asOperator(session: Session): Session {
  const { identity: _, applications: __, rates: ___, ...ports } = session.ports;
  return { ...session, ports };
}

function nobodyThere(): BrokerError {
  return new BrokerError(
    'destination-invalid',
    'No application is here',
    'The operator names those there are in applications; other destinations are /topic/, /room/ and /queue/.',
  );
}
