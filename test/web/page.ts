/** The page as a person uses it: by what is written on it, and by the keyboard. */
import type { Browser, Locator, Page } from 'playwright-core';

export interface Seen {
  readonly page: Page;
  /** Errors of scripts, of the console and of the content policy; there should be none. */
  readonly faults: readonly string[];
}

export interface Look {
  readonly width: number;
  readonly height: number;
  readonly colors: 'light' | 'dark';
}

export const DESK: Look = { width: 1280, height: 860, colors: 'light' };
export const PHONE: Look = { width: 390, height: 844, colors: 'dark' };

/** Long enough for a loaded machine, short enough to fail a check that cannot pass. */
const PATIENCE_MS = 10_000;

export async function openPage(browser: Browser, url: string, look: Look): Promise<Seen> {
  const context = await browser.newContext({
    viewport: { width: look.width, height: look.height },
    colorScheme: look.colors,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (line) => {
    // A refused WebSocket is logged by the browser itself; the page says it in words.
    if (line.type() === 'error' && !line.text().includes('WebSocket')) faults.push(line.text());
  });
  await page.goto(url);
  return { page, faults };
}

export async function connect(page: Page, dialect: 'JSON' | 'STOMP'): Promise<void> {
  await page.getByText(dialect, { exact: true }).click();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await state(page, 'connected');
}

export async function state(page: Page, name: string): Promise<void> {
  await page.locator(`body[data-state='${name}']`).waitFor();
}

export async function subscribe(page: Page, destination: string): Promise<void> {
  await page.getByLabel('Destination to subscribe to').fill(destination);
  await page.getByRole('button', { name: 'Subscribe', exact: true }).click();
}

/** The row of a subscription the server has confirmed. */
export function subscribed(page: Page, destination: string): Locator {
  return page
    .locator('#subscriptions li:not([data-pending])')
    .filter({ has: page.getByText(destination, { exact: true }) });
}

export async function publish(page: Page, destination: string, body: string): Promise<void> {
  await page.getByLabel('Destination', { exact: true }).fill(destination);
  await page.getByLabel('Body').fill(body);
  await page.getByLabel('Body').press('Enter');
}

export function message(page: Page, body: string): Locator {
  return page.locator('#messages pre').getByText(body, { exact: true });
}

export async function showFrames(page: Page): Promise<string> {
  await page.getByText('Raw frames', { exact: true }).click();
  return page.locator('#frames').innerText();
}
