/** Headless Chromium for the page's tests: found, or named as missing in words. */
import { accessSync, constants, existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Without these a browser without a display or a network speaks to its makers, or does not start. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The path of a Chromium, or a sentence on how to get one. */
export function findChromium(named: string | undefined): { path: string } | { missing: string } {
  if (named !== undefined && named !== '') {
    return isProgram(named)
      ? { path: named }
      : { missing: `CHROMIUM names ${named}, and no program is there.` };
  }
  const path = PLACES.find(isProgram);
  if (path !== undefined) return { path };
  return {
    missing:
      'There is no Chromium: install it (Debian: apt-get install chromium), or name one in CHROMIUM.',
  };
}

export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

function isProgram(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
