/** What the page must do, one check each, in the order a person would find out. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { type Broker, startBroker } from './broker.ts';
import {
  connect,
  DESK,
  message,
  openPage,
  PHONE,
  publish,
  type Seen,
  showFrames,
  state,
  subscribe,
  subscribed,
} from './page.ts';

interface World {
  readonly browser: Browser;
  readonly broker: Broker;
  /** Folder for screenshots. */
  readonly shots: string;
}

interface Check {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
}

export const CHECKS: readonly Check[] = [
  { name: 'a JSON page and a STOMP page hear each other', run: hearEachOther },
  { name: 'raw frames show both ways, with NUL and line feed to be seen', run: showOctets },
  { name: "markup in a message is text, and '__proto__' is a header", run: foreignText },
  { name: 'several subscriptions count their own, and leave one by one', run: several },
  { name: 'an ERROR is told in words, and JSON carries on', run: jsonError },
  { name: 'an ERROR ends STOMP, and nothing is tried again', run: stompError },
  { name: 'a body that is not JSON is refused before it is sent', run: notJson },
  { name: 'an address where nothing answers is told in words', run: nobodyThere },
  { name: 'a lost broker is tried again, with its subscriptions', run: comesBack },
  { name: 'the keyboard alone is enough', run: keyboard },
  { name: 'a phone shows all of it without scrolling sideways', run: phone },
  { name: 'a link fills in the form and does not connect', run: linked },
];

async function hearEachOther({ browser, broker, shots }: World): Promise<void> {
  const json = await openPage(browser, broker.url, DESK);
  await snap(json.page, shots, 'idle-light');
  const stomp = await openPage(browser, broker.url, { ...DESK, colors: 'dark' });
  await connect(json.page, 'JSON');
  await connect(stomp.page, 'STOMP');
  for (const { page } of [json, stomp]) {
    await subscribe(page, '/topic/greetings');
    await subscribed(page, '/topic/greetings').waitFor();
  }
  await publish(json.page, '/topic/greetings', 'hi from JSON, äöü €');
  await publish(stomp.page, '/topic/greetings', 'hi from STOMP');
  for (const { page } of [json, stomp]) {
    await message(page, 'hi from JSON, äöü €').waitFor();
    await message(page, 'hi from STOMP').waitFor();
  }
  await stomp.page.getByLabel('as JSON').check();
  await publish(stomp.page, '/topic/greetings', '{"n":[1,2]}');
  await message(json.page, '{"n":[1,2]}').waitFor();
  await json.page.getByLabel('as JSON').check();
  await publish(json.page, '/topic/greetings', '{"answer":42}');
  await message(stomp.page, '{"answer":42}').waitFor();
  await json.page.getByText('Sent ✓').waitFor();
  await snap(json.page, shots, 'messages-light');
  await snap(stomp.page, shots, 'messages-dark');
  noFaults(json, stomp);
}

async function showOctets({ browser, broker, shots }: World): Promise<void> {
  const stomp = await openPage(browser, broker.url, DESK);
  await connect(stomp.page, 'STOMP');
  await subscribe(stomp.page, '/topic/octets');
  await subscribed(stomp.page, '/topic/octets').waitFor();
  const frames = await showFrames(stomp.page);
  assert.match(frames, /→ sent[\s\S]*CONNECT↵\naccept-version:1\.2↵\n/);
  assert.match(frames, /← received[\s\S]*CONNECTED↵\n[\s\S]*↵\nNUL/);
  await stomp.page.getByLabel(/Send as typed/).fill('SEND\\ndestination:/topic/octets\\n\\nraw^@');
  await stomp.page.getByRole('button', { name: 'Send raw' }).click();
  await stomp.page.locator('#frames li.received').getByText('raw').waitFor();
  await snap(stomp.page, shots, 'frames-light');
  const json = await openPage(browser, broker.url, DESK);
  await connect(json.page, 'JSON');
  assert.match(await showFrames(json.page), /\{"command":"CONNECTED","version":"1\.2"/);
  noFaults(stomp, json);
}

async function foreignText({ browser, broker }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await connect(page, 'JSON');
  const markup = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  const destination = '/topic/<b>bold<.b>';
  await subscribe(page, destination);
  await subscribed(page, destination).waitFor();
  await publish(page, destination, markup);
  await message(page, markup).waitFor();
  await showFrames(page);
  const text = `{"send":"${destination}","__proto__":"x","body":"proto"}`;
  await page.getByLabel(/Send as typed/).fill(text);
  await page.getByRole('button', { name: 'Send raw' }).click();
  await page.getByText('Messages', { exact: true }).click();
  await message(page, 'proto').waitFor();
  assert.equal(await page.locator('#messages img, #messages script, #messages b b').count(), 0);
  assert.equal(await page.title(), 'stompway');
  noFaults(seen);
}

async function several({ browser, broker }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await connect(page, 'JSON');
  for (const destination of ['/topic/a.one', '/topic/a.*', '/topic/b']) {
    await subscribe(page, destination);
    await subscribed(page, destination).waitFor();
  }
  await publish(page, '/topic/a.one', 'first');
  await count(page, '/topic/a.one', 1);
  await count(page, '/topic/a.*', 1);
  await count(page, '/topic/b', 0);
  await page.getByRole('button', { name: 'Unsubscribe from /topic/a.*' }).click();
  await publish(page, '/topic/a.one', 'second');
  await count(page, '/topic/a.one', 2);
  await page.getByText('Sent ✓').waitFor();
  assert.equal(await message(page, 'second').count(), 1);
  noFaults(seen);
}

async function jsonError({ browser, broker, shots }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await connect(page, 'JSON');
  await subscribe(page, '/nowhere');
  await page.getByRole('alert').getByText('destination-invalid').waitFor();
  await page.getByRole('alert').getByText('/topic/greetings').waitFor();
  await snap(page, shots, 'error-light');
  assert.equal(await page.locator('#subscriptions li').count(), 0);
  await subscribe(page, '/topic/after');
  await subscribed(page, '/topic/after').waitFor();
  await page.getByRole('button', { name: 'Dismiss this message' }).click();
  assert.equal(await page.getByRole('alert').isVisible(), false);
  noFaults(seen);
}

async function stompError({ browser, broker }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await connect(page, 'STOMP');
  await subscribe(page, '/nowhere');
  await page.getByRole('alert').getByText('destination-invalid').waitFor();
  await state(page, 'failed');
  await connect(page, 'STOMP');
  noFaults(seen);
}

async function notJson({ browser, broker }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await connect(page, 'JSON');
  await page.getByLabel('as JSON').check();
  await publish(page, '/topic/a', '{nope');
  await page.getByRole('alert').getByText('The body is not JSON').waitFor();
  assert.doesNotMatch(await showFrames(page), /nope/);
  noFaults(seen);
}

async function nobodyThere({ browser, broker, shots }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await page.getByLabel('WebSocket address').fill('ws://127.0.0.1:9/ws');
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await state(page, 'failed');
  await page.getByRole('alert').getByText('Nothing answered').waitFor();
  await snap(page, shots, 'failed-light');
  noFaults(seen);
}

async function comesBack({ browser, shots }: World): Promise<void> {
  const first = await startBroker(0);
  let second: Broker | undefined;
  try {
    const seen = await openPage(browser, first.url, DESK);
    const { page } = seen;
    await connect(page, 'STOMP');
    await subscribe(page, '/topic/again');
    await subscribed(page, '/topic/again').waitFor();
    await first.stop();
    await state(page, 'waiting');
    await page.getByRole('alert').getByText('lost').waitFor();
    await snap(page, shots, 'waiting-light');
    second = await startBroker(first.port);
    await page
      .getByRole('button', { name: 'Try now' })
      .click({ timeout: 2000 })
      .catch(() => {});
    await state(page, 'connected');
    await subscribed(page, '/topic/again').waitFor();
    await publish(page, '/topic/again', 'back again');
    await message(page, 'back again').waitFor();
    assert.equal(await page.getByRole('alert').isVisible(), false);
    noFaults(seen);
  } finally {
    await first.stop();
    await second?.stop();
  }
}

async function keyboard({ browser, broker }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, DESK);
  const { page } = seen;
  await page.keyboard.press('Enter');
  await state(page, 'connected');
  await page.keyboard.press('Tab');
  await page.keyboard.type('/topic/keys');
  await page.keyboard.press('Enter');
  await subscribed(page, '/topic/keys').waitFor();
  await page.getByLabel('Destination', { exact: true }).fill('/topic/keys');
  await page.keyboard.press('Tab');
  await page.keyboard.type('typed');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('twice');
  await page.keyboard.press('Enter');
  await page.locator('#messages pre').getByText('typed').waitFor();
  assert.equal(await page.locator('#messages pre').innerText(), 'typed\ntwice');
  noFaults(seen);
}

async function phone({ browser, broker, shots }: World): Promise<void> {
  const seen = await openPage(browser, broker.url, PHONE);
  const { page } = seen;
  await connect(page, 'JSON');
  const destination = `/topic/${'long.'.repeat(7)}name-that-does-not-end-before-it-must`;
  await subscribe(page, destination);
  await subscribed(page, destination).waitFor();
  await publish(page, destination, 'x'.repeat(300));
  await message(page, 'x'.repeat(300)).waitFor();
  await snap(page, shots, 'phone-dark');
  await showFrames(page);
  await snap(page, shots, 'phone-frames-dark');
  const sideways = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.equal(sideways, 0);
  noFaults(seen);
}

async function linked({ browser, broker }: World): Promise<void> {
  const url = `${broker.url}?url=wss://broker.example/ws&protocol=stomp&destination=/topic/x`;
  const seen = await openPage(browser, url, DESK);
  const { page } = seen;
  assert.equal(await page.getByLabel('WebSocket address').inputValue(), 'wss://broker.example/ws');
  assert.equal(await page.getByLabel('STOMP').isChecked(), true);
  assert.equal(await page.getByLabel('Destination to subscribe to').inputValue(), '/topic/x');
  await state(page, 'idle');
  noFaults(seen);
}

async function count(page: Page, destination: string, messages: number): Promise<void> {
  await subscribed(page, destination).locator('.count').getByText(String(messages)).waitFor();
}

async function snap(page: Page, folder: string, name: string): Promise<void> {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

function noFaults(...seen: readonly Seen[]): void {
  assert.deepEqual(
    seen.flatMap(({ faults }) => faults),
    [],
  );
}
