import { fastManagement } from '../../adapters/apigateway/fast.ts';
import { httpsSender } from '../../adapters/apigateway/https-sender.ts';
import { gatewayOutbox, type OutboxOptions } from '../../adapters/apigateway/outbox.ts';
import type { Sender, SenderAnswer } from '../../adapters/apigateway/sender.ts';
import { type SocketSenderOptions, socketSender } from '../../adapters/apigateway/socket-sender.ts';
import { systemClock, systemTimer } from '../../adapters/system.ts';
import { LIMITS } from '../../broker/limits.ts';
import type { Delivery } from '../../broker/ports.ts';
import { selfSigned } from '../certificate.ts';
import { outboxContract } from '../contract/outbox.ts';
import { checkSignature, secretOf } from '../template/signature.ts';
import { BUFFER_FULL, OVER_RATE, play, serve } from './management-server.ts';

const identity = selfSigned();

/** Credentials whose secret follows from the id, so that a server can check signatures. */
const ROLE = 'AKIDEXAMPLE';
const credentials = { accessKeyId: ROLE, secretAccessKey: secretOf(ROLE), sessionToken: 'token' };

const SIGNED = { region: 'eu-west-1', credentials: async () => credentials };

function status(status: number): SenderAnswer {
  return { status, errorType: '', body: Buffer.alloc(0) };
}

outboxContract('the fast outbox, its sender mocked', async ({ gateway, ...world }) => {
  const endpoint = 'https://abc.execute-api.eu-west-1.amazonaws.com/ws';
  const sender: Sender = {
    async send({ method, path }, body) {
      const id = decodeURIComponent(path.replace('/ws/@connections/', ''));
      if (method === 'DELETE') return status(gateway.remove(id));
      const answer = gateway.answer(id, body);
      if (answer === 'cut') throw new Error('The gateway closed the connection');
      if (typeof answer === 'number') return status(answer);
      const message = answer === 'rate' ? OVER_RATE : BUFFER_FULL;
      const text = Buffer.from(JSON.stringify({ message }));
      return { status: 429, errorType: 'LimitExceededException', body: text };
    },
    close() {},
  };
  const management = fastManagement({ ...SIGNED, endpoint, sender, ...world });
  return { outbox: gatewayOutbox({ ...world, management }), close: async () => {} };
});

/** Long enough for a busy machine to answer all the others. */
const HANGING = 3000;

const SENDERS: readonly [string, (options: SocketSenderOptions) => Sender][] = [
  ['sockets', socketSender],
  ['node:https', httpsSender],
];

for (const [name, makeSender] of SENDERS) {
  outboxContract(`the fast outbox over TLS by ${name}`, async ({ gateway, ...world }) => {
    const { endpoint, close } = await serve((request, response) => {
      void play(gateway, request, response);
    }, identity);
    const options = { endpoint, clock: systemClock, timer: systemTimer, ca: identity.cert };
    const sender = makeSender({ ...options, ...PATIENT, socketsMax: 50 });
    const management = fastManagement({ ...SIGNED, endpoint, sender, ...world });
    return {
      outbox: gatewayOutbox({ ...world, management }),
      async close() {
        sender.close();
        await close();
      },
    };
  });
}

/** For a busy machine: no test but those of time-outs is about them. */
const PATIENT = { requestMilliseconds: 60_000, connectMilliseconds: 60_000 };

const world: Omit<OutboxOptions, 'management'> = {
  clock: systemClock,
  timer: systemTimer,
  limits: LIMITS,
  log: { info() {}, warn() {}, error() {} },
};

function deliveries(count: number): Delivery[] {
  return Array.from({ length: count }, (_, n) => ({
    connectionId: `L0SM9/+F${n}c=`,
    connectedAt: 0,
    posts: [Buffer.from(`post ${n} ü`)],
  }));
}

test.each(SENDERS)('what arrives by %s is signed as AWS checks it', async (_, makeSender) => {
  const found: unknown[] = [];
  const { endpoint, close } = await serve(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const { method = '', url: target = '', headers } = request;
    found.push(checkSignature({ method, target, headers, body: Buffer.concat(chunks) }));
    response.end();
  }, identity);
  const sender = makeSender({ ...world, ...PATIENT, endpoint, ca: identity.cert, socketsMax: 2 });
  const management = fastManagement({ ...SIGNED, endpoint, sender, ...world });
  try {
    await gatewayOutbox({ ...world, management }).post(deliveries(5));
    const signer = { role: ROLE, region: 'eu-west-1', service: 'execute-api' };
    expect(found).toEqual(Array.from({ length: 5 }, () => signer));
  } finally {
    sender.close();
    await close();
  }
});

test('without credentials it fails its posts and throws nothing', async () => {
  const none = {
    region: 'eu-west-1',
    credentials: () => Promise.reject(new Error('no credentials')),
  };
  const sender: Sender = { send: () => Promise.reject(new Error('unreached')), close() {} };
  const endpoint = 'https://localhost/ws';
  const { post } = fastManagement({ ...none, endpoint, sender, clock: systemClock });
  const cause = expect.objectContaining({ message: 'no credentials' });
  expect(await post('a', Buffer.from('x'))).toEqual({ status: undefined, words: '', cause });
});

test.each(SENDERS)(
  'of 1,000 posts by %s with 50 in flight, ten that are never answered hold up no other',
  async (_, makeSender) => {
    const arrived = new Map<string, number>();
    let openNow = 0;
    let openMost = 0;
    const { endpoint, close } = await serve((request, response) => {
      const id = decodeURIComponent(request.url?.split('/').at(-1) ?? '');
      arrived.set(id, performance.now());
      openMost = Math.max(openMost, ++openNow);
      request.resume();
      response.on('close', () => {
        openNow -= 1;
      });
      if (!/F\d*77c=$/.test(id)) response.end();
    }, identity);
    const options = { ...world, endpoint, ca: identity.cert, socketsMax: 50 };
    const sender = makeSender({ ...options, ...PATIENT, requestMilliseconds: HANGING });
    const management = fastManagement({ ...SIGNED, endpoint, sender, ...world });
    const limits = { ...LIMITS, postRetryMillisecondsMax: 0 };
    try {
      const began = performance.now();
      const outcomes = await gatewayOutbox({ ...world, limits, management }).post(deliveries(1000));
      const took = performance.now() - began;
      expect(outcomes.filter((outcome) => outcome === 'failed')).toHaveLength(10);
      expect(outcomes.filter((outcome) => outcome === 'sent')).toHaveLength(990);
      expect(openMost).toBeLessThanOrEqual(50);
      // The last that was answered did not wait for the first that was not.
      expect(Math.max(...arrived.values()) - began).toBeLessThan(took);
    } finally {
      sender.close();
      await close();
    }
  },
);
