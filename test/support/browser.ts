import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const ARGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** A slow and busy machine reads all of it from a cold disk. */
const START_MS = 120_000;

/** Debian's Chromium, which asks nobody outside for anything. */
export function launchBrowser(): Promise<Browser> {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: [...ARGS, ...sandbox], timeout: START_MS });
}

/** A page of a context of its own; what the browser complains of is added to `faults`. */
export async function watchedPage(browser: Browser, options: BrowserContextOptions, faults: string[]): Promise<Page> {
  const page = await (await browser.newContext(options)).newPage();
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // A refused call is a refused call: the page shows it, the browser notes it.
    if (message.type() === 'error' && !message.text().includes('Failed to load resource')) faults.push(message.text());
  });
  return page;
}
