// Who cannot see, or uses no mouse: axe on every view, and a walk by keyboard through every control.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { Browser, NARROW, WIDE } from "./browser.mjs";
import { SMALL } from "./company.mjs";
import { Mock } from "./mock.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let browser;
let mock;
let views;
before(async () => {
  browser = await Browser.start();
  mock = await new Mock().listen();
  const refused = mock.held.findLast((one) => one.verdict === "refused");
  const to = encodeURIComponent(SMALL.chains[3].roles[1]);
  const sql = encodeURIComponent(`copy t from 's3://b' iam_role '${SMALL.chains[3].roles.join(",")}'`);
  views = {
    "graph": "[data-node]",
    "graph?unused=yes&as_table=yes": "[data-edge-row]",
    [`graph?role=${encodeURIComponent(SMALL.chains[2].roles[1])}`]: ".graph-panel ul",
    "live": ".decision[data-id]",
    [`live?id=${refused.id}&user=etl`]: "aside .hops",
    [`why?sql=${sql}&rules=permit`]: ".answers",
    [`why?ask=can-assume&from=cluster&to=${to}`]: ".hops",
    [`why?ask=paths&to=${to}`]: ".ways",
    "refusals?open=RG203": "tbody tr.more",
    "refusals?seen=would_be&by=chain": "tbody tr",
    "state": "#sessions",
  };
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

const open = async (route, options) => {
  const page = await browser.page(`http://127.0.0.1:${mock.port}/#/${route}`, options);
  await page.waitForSelector(views[route], { timeout: 10_000 });
  return page;
};

for (const theme of ["light", "dark"]) {
  for (const viewport of [WIDE, NARROW]) {
    test(`axe finds nothing, best practices included: ${theme}, ${viewport.width} wide`, async () => {
      const told = [];
      for (const route of Object.keys(views)) {
        const page = await open(route, { theme, viewport });
        // The policy of the page allows no script from elsewhere; this one comes from outside of it.
        const session = await browser.context.newCDPSession(page);
        await session.send("Runtime.evaluate", { expression: AXE });
        const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
        told.push(...violations.map(({ id, nodes }) => `${route}: ${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`).join(" | ")}`));
        await page.close();
      }
      assert.deepEqual(told, []);
    });
  }
}

test("every control of every view is reached by the keyboard, and seen to be", async () => {
  for (const route of Object.keys(views)) {
    const page = await open(route);
    // What stands still while it is walked: the clock of the page goes on, new rows would move it.
    const wanted = await page.evaluate(() => {
      const all = [...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")];
      const shown = all.filter((element) => element.tabIndex >= 0 && element.checkVisibility());
      shown.forEach((element, index) => { element.dataset.walk = String(index); });
      return shown.length;
    });
    const met = new Set();
    await page.evaluate(() => document.body.focus());
    for (let step = 0; step < wanted + 120 && met.size < wanted; step += 1) {
      await page.keyboard.press("Tab");
      const { walk, outline, what } = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        return { walk: element.dataset.walk, outline: style.outlineStyle, what: element.outerHTML.slice(0, 120) };
      });
      if (walk === undefined) continue;
      met.add(walk);
      assert.notEqual(outline, "none", `${route}: the focus on ${what} cannot be seen`);
    }
    const missed = await page.evaluate((reached) => [...document.querySelectorAll("[data-walk]")].filter((element) => !reached.includes(element.dataset.walk)).map((element) => element.outerHTML.slice(0, 120)), [...met]);
    assert.deepEqual(missed, [], route);
    await page.close();
  }
});

test("the graph is walked by arrow keys, and a node is chosen by Enter", async () => {
  const page = await open("graph");
  await page.focus('[data-node="cluster:demo"]');
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.activeElement.dataset.node?.startsWith("role:"));
  const name = await page.evaluate(() => document.activeElement.querySelector(".name").textContent);
  await page.waitForFunction((name) => document.querySelector(".graph-panel h2").textContent === name, name);
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => location.hash.includes("role="));
  await page.close();
});

test("skipping to the content, opening a record and closing it leave the focus where one is", async () => {
  const page = await open("live");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.focus(".decision[data-id] button");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside .hops");
  assert.equal(await page.evaluate(() => document.activeElement.id), "details-title");
  const id = new URLSearchParams(page.url().split("?")[1]).get("id");
  await page.keyboard.press("Escape");
  await page.waitForFunction((id) => document.activeElement.closest("[data-id]")?.dataset.id === id, id);
  await page.close();
});
