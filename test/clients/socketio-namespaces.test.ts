/** Namespaces that the operator has named, events by names of his own, and who never connects. */
import { Manager, type Socket } from 'socket.io-client';
import { parseSocketio } from '../../broker/socketio-settings.ts';
import { type Broker, type BrokerOptions, startBroker } from '../../local/broker.ts';
import { handshake, opened, poll, push } from '../engineio/peer.ts';
import { closeAll } from './leave.ts';

let broker: Broker;
const managers: Manager[] = [];
afterEach(async () => {
  await closeAll(managers);
  await broker.close();
});

async function start(socketio: object, options: Partial<BrokerOptions> = {}): Promise<void> {
  const settings = parseSocketio(socketio);
  broker = await startBroker({ port: 0, memory: true, socketio: settings, ...options });
}

const target = {
  get url() {
    return `http://127.0.0.1:${broker.port}/socket.io/`;
  },
};

function manager(): Manager {
  const made = new Manager(`http://127.0.0.1:${broker.port}`);
  managers.push(made);
  return made;
}

function connected(socket: Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('connect_error', reject);
  });
}

function next(socket: Socket, event: string): Promise<readonly unknown[]> {
  return new Promise((resolve) => socket.once(event, (...values) => resolve(values)));
}

test('conversations side by side on one connection, each with rooms of its own', async () => {
  await start({ namespaces: ['/admin'] });
  const [mine, yours] = [manager(), manager()];
  const [root, admin] = [await connected(mine.socket('/')), await connected(mine.socket('/admin'))];
  expect(admin.id).not.toBe(root.id);
  const other = await connected(yours.socket('/admin'));
  for (const one of [root, admin, other]) {
    expect(await one.emitWithAck('join', 'x')).toMatchObject({ ok: true });
  }
  root.on('message', () => expect('the other namespace').toBe('not heard'));
  const heard = next(admin, 'message');
  expect(await other.emitWithAck('message', 'x', 'hi')).toEqual({ ok: true });
  expect(await heard).toEqual(['x', 'hi', expect.any(String)]);
  expect(await admin.emitWithAck('launch')).toMatchObject({ code: 'unknown-command' });
});

test('one may connect elsewhere than to /, and a namespace nobody has named is refused', async () => {
  await start({ namespaces: ['/admin'] });
  const mine = manager();
  await expect(connected(mine.socket('/other'))).rejects.toThrow('Invalid namespace');
  const admin = await connected(mine.socket('/admin'));
  expect(await admin.emitWithAck('join', 'x')).toMatchObject({ ok: true });
});

test('who leaves one namespace is in the other still, and may come again', async () => {
  await start({ namespaces: ['/admin'] });
  const mine = manager();
  const [root, admin] = [await connected(mine.socket('/')), await connected(mine.socket('/admin'))];
  await root.emitWithAck('join', 'x');
  await admin.emitWithAck('join', 'x');
  root.disconnect();
  // Behind it, on the same connection.
  await admin.emitWithAck('leave', 'nowhere');
  const heard = next(admin, 'message');
  const { emitter } = broker;
  await emitter.of('/admin').to('x').emit('message', 'still');
  expect((await heard)[0]).toBe('still');
  expect((await emitter.in('x').fetchSockets()).length).toBe(0);
  root.connect();
  await connected(root);
  expect(root.recovered).toBe(false);
  expect(await root.emitWithAck('join', 'x')).toMatchObject({ ok: true });
  expect((await emitter.of('/admin').fetchSockets()).map(({ rooms }) => rooms)).toEqual([['x']]);
});

test('an emitter of a namespace reaches those connected to it alone', async () => {
  await start({ namespaces: ['/admin'] });
  const mine = manager();
  const root = await connected(mine.socket('/'));
  const admin = await connected(manager().socket('/admin'));
  const [rootHears, adminHears] = [next(root, 'one'), next(admin, 'two')];
  root.on('two', () => expect('two').toBe('not heard'));
  await broker.emitter.of('admin').emit('two', 2);
  await broker.emitter.emit('one', 1);
  expect([await rootHears, await adminHears]).toEqual([[1], [2]]);
});

test('41 ends the conversation, not the connection', async () => {
  await start({});
  const { ws, next: said } = await opened(target);
  ws.send('40');
  await said();
  ws.send('420["join","x"]');
  await said();
  ws.send('41');
  ws.send('40');
  expect(await said()).toMatch(/^40\{"sid":/);
  expect((await broker.emitter.in('x').fetchSockets()).length).toBe(0);
  ws.close();
});

test('events go by the names that the operator gives them', async () => {
  await start({ events: { join: 'enter', message: 'chat' } });
  const [ann, bob] = [manager().socket('/'), manager().socket('/')];
  expect(await ann.emitWithAck('enter', 'x')).toMatchObject({ ok: true });
  expect(await bob.emitWithAck('join', 'x')).toMatchObject({ code: 'unknown-command' });
  const heard = next(ann, 'chat');
  await bob.emitWithAck('chat', 'x', 1);
  expect((await heard).slice(0, 2)).toEqual(['x', 1]);
});

test.each([
  [{ namespaces: ['admin'] }, 'must be / and letters'],
  [{ namespaces: '/a' }, 'must be a list'],
  [{ events: { shout: 'x' } }, 'unknown key "shout"'],
  [{ events: { join: '' } }, 'must be a name'],
  [{ events: { join: 'leave' } }, 'two have one name'],
  [{ rooms: [] }, 'unknown key "rooms"'],
])('the setting %j fails in words', (settings, words) => {
  expect(() => parseSocketio(settings)).toThrow(words);
});

test('who has not connected in time is sent away, by WebSocket and by polling', async () => {
  await start({}, { limits: { engineConnectSeconds: 0.05 }, sweepMilliseconds: 20 });
  const mute = await opened(target);
  const sid = await handshake(target);
  const speaks = await opened(target);
  speaks.ws.send('40');
  await speaks.next();
  await mute.closed;
  for (;;) {
    const response = await poll(target, sid);
    if (response.status === 400) break;
    if ((await response.text()) === '2') await push(target, sid, '3');
  }
  speaks.ws.send('420["join","x"]');
  for (;;) if (String(await speaks.next()).startsWith('430')) break;
  speaks.ws.close();
});
