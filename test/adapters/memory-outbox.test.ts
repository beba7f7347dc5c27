import { type Management, memoryOutbox } from '../../adapters/memory/outbox.ts';
import { LIMITS } from '../../broker/limits.ts';
import { asCall } from '../contract/fake-gateway.ts';
import { outboxContract } from '../contract/outbox.ts';

outboxContract('memory', async ({ gateway, ...world }) => {
  const management: Management = {
    post: (connectionId, payload) => asCall(gateway.answer(connectionId, payload)),
    delete: (connectionId) => void gateway.remove(connectionId),
  };
  return { outbox: memoryOutbox({ ...world, management }), close: async () => {} };
});

outboxContract('memory over a gateway that answers later', async ({ gateway, ...world }) => {
  const management: Management = {
    post: async (connectionId, payload) => asCall(gateway.answer(connectionId, payload)),
    delete: async (connectionId) => void gateway.remove(connectionId),
  };
  return { outbox: memoryOutbox({ ...world, management }), close: async () => {} };
});

test('everybody is posted to before post returns, whoever among them must be tried again', () => {
  const posted: string[] = [];
  const outbox = memoryOutbox({
    management: {
      post(connectionId) {
        posted.push(connectionId);
        return connectionId === 'busy' ? { status: 429, reason: 'rate' } : 200;
      },
      delete() {},
    },
    clock: { now: () => 0 },
    timer: { sleep: () => new Promise(() => {}), after: () => () => {} },
    limits: LIMITS,
    log: { info() {}, warn() {}, error() {} },
  });
  const posts = [Buffer.from('x')];
  const ids = ['a', 'busy', 'b', 'c'];
  void outbox.post(ids.map((connectionId) => ({ connectionId, connectedAt: 0, posts })));
  expect(posted).toEqual(ids);
});
