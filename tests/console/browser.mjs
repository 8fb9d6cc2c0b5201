// Debian's Chromium, driven by Playwright; every page begins with nothing kept and hears of no other host.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const OPTIONS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const WIDE = { width: 1440, height: 900 };
export const NARROW = { width: 375, height: 812 };

export class Browser {
  static async start({ viewport = WIDE, theme = "light" } = {}) {
    const browser = new Browser();
    browser.folder = await mkdtemp(join(tmpdir(), "rolegate-console-"));
    browser.context = await chromium.launchPersistentContext(browser.folder, {
      executablePath: "/usr/bin/chromium",
      args: OPTIONS,
      viewport,
      colorScheme: theme,
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
    });
    return browser;
  }

  /** A page that notes what it complains of, and which hosts it asks. */
  async page(url, { viewport = WIDE, theme = "light" } = {}) {
    const page = await this.context.newPage();
    page.complaints = [];
    page.asked = new Set();
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") page.complaints.push(message.text());
    });
    page.on("pageerror", (error) => page.complaints.push(String(error)));
    page.on("request", (request) => page.asked.add(new URL(request.url()).host));
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: theme });
    await page.goto(url);
    return page;
  }

  async close() {
    await this.context.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
