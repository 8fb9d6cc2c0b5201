// Names that somebody chose to do harm, in every field: each is text, and what cannot be seen is shown.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, NARROW, WIDE } from "./browser.mjs";
import { Mock } from "./mock.mjs";

let browser;
let mock;
before(async () => {
  browser = await Browser.start();
  mock = await new Mock({ hostile: true }).listen();
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

for (const viewport of [WIDE, NARROW]) {
  test(`no name becomes markup, hides a character or leaves its place: ${viewport.width} wide`, async () => {
    const refused = mock.held.findLast((one) => one.verdict === "refused");
    const chosen = encodeURIComponent("<img src=x onerror=alert(1)>\u202e");
    const routes = [
      "graph", "graph?as_table=yes", "live", `live?id=${refused.id}`, "refusals", "refusals?by=rule", "refusals?by=chain", "refusals?by=user",
      "refusals?by=application", "state", `live?user=${chosen}&role=${chosen}`, `graph?find=${chosen}&at=${chosen}`, `why?sql=${chosen}&as=${chosen}&rules=${chosen}`,
      `why?ask=paths&to=${chosen}`, `refusals?open=${chosen}`, `${chosen}?${chosen}=${chosen}`,
    ];
    for (const route of routes) {
      const page = await browser.page(`http://127.0.0.1:${mock.port}/#/${route}`, { viewport });
      page.on("dialog", () => assert.fail(`${route}: a script has run`));
      await page.waitForTimeout(600);
      assert.deepEqual(page.complaints.filter((text) => !text.includes("404") && !text.includes("422")), [], route);
      const found = await page.evaluate(() => ({
        foreign: [...document.querySelectorAll("#app img, #app script, #app [onerror], #app [onmouseover], #app iframe")].length,
        links: [...document.querySelectorAll("a[href]")].map((link) => link.getAttribute("href")).filter((href) => !href.startsWith("#")),
        text: document.body.innerText,
        attributes: [...document.querySelectorAll("[title], [aria-label]")].map((element) => `${element.title}${element.ariaLabel ?? ""}`).join("\n"),
        isWide: document.documentElement.scrollWidth > innerWidth,
      }));
      assert.equal(found.foreign, 0, route);
      assert.deepEqual(found.links, [], route);
      assert.doesNotMatch(found.text, HIDDEN, route);
      assert.doesNotMatch(found.attributes, HIDDEN, route);
      assert.equal(found.isWide, false, `${route} is wider than the page`);
      await page.close();
    }
  });
}

test("a name that turns the line round is seen to do so", async () => {
  mock.emit(1, { user: "admin\u202etxt.exe", verdict: "allowed" });
  const page = await browser.page(`http://127.0.0.1:${mock.port}/#/live`);
  await page.waitForSelector(".decision[data-id] .hidden-character >> text=U+202E");
  await page.close();
});
