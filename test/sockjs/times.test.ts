/** SockJS protocol: heart-beats and the end of a session, with times shortened. */
import { open, post } from './browser.ts';
import { echoServer } from './echo.ts';

const echo = echoServer({
  sessionSeconds: 0.3,
  holdSeconds: 0.4,
  streamSeconds: 0.6,
  streamBeatSeconds: 0.2,
});

test('a silent stream hears a heart-beat now and then, and ends when its time is over', async () => {
  const stream = await open(`${echo.session()}/xhr_streaming`, { method: 'POST' });
  let all = '';
  for (let chunk = await stream.read(); chunk !== ''; chunk = await stream.read()) all += chunk;
  expect(all).toMatch(/^h{2048}\no\n(h\n){2,3}$/);
});

test('a poll is answered with a heart-beat, and the session goes on', async () => {
  const session = echo.session();
  await post(`${session}/xhr`);
  expect((await post(`${session}/xhr`)).body).toBe('h\n');
  await post(`${session}/xhr_send`, '["a"]');
  expect((await post(`${session}/xhr`)).body).toBe('a["a"]\n');
});

test('a session without a receiver is gone after its time: sends find none, a poll opens anew', async () => {
  const session = echo.session();
  await post(`${session}/xhr`);
  expect((await post(`${session}/xhr_send`, '["a"]')).status).toBe(204);
  await new Promise((resolve) => setTimeout(resolve, 350));
  expect((await post(`${session}/xhr_send`, '["b"]')).status).toBe(404);
  expect((await post(`${session}/xhr`)).body).toBe('o\n');
});
