// What somebody looks at stays while everything goes on: what is selected, where a page, a list and the graph are scrolled to, what has
// the focus, and what is open.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Mock } from "./mock.mjs";

let browser;
let mock;
before(async () => {
  browser = await Browser.start();
  mock = await new Mock().listen();
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

const open = (route) => browser.page(`http://127.0.0.1:${mock.port}/#/${route}`);

/** The next answer to a question of this path, drawn. */
async function answered(page, path) {
  await page.waitForResponse((response) => new URL(response.url()).pathname === `/api/v1${path}`, { timeout: 15_000 });
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
}

const select = (page, selector) => page.$eval(selector, (element) => {
  getSelection().selectAllChildren(element);
  return String(getSelection());
});
const selected = (page) => page.evaluate(() => String(getSelection()));

test("a text that is selected in the list and in the record, while decisions come", async () => {
  const one = mock.held.findLast((held) => held.verdict === "refused");
  const page = await open(`live?id=${one.id}`);
  await page.waitForSelector("aside .hops");
  for (const selector of [`.decision[data-id="${one.id}"] .roles`, "aside .hops"]) {
    const text = await select(page, selector);
    const told = await page.textContent(".bar .note");
    mock.emit(20);
    await page.waitForFunction((before) => document.querySelector(".bar .note").textContent !== before, told, { timeout: 5_000 });
    assert.ok(text.length > 3);
    assert.equal(await selected(page), text, selector);
  }
  assert.ok(await page.$("aside .hops"), "the record is still open");
  await page.close();
});

test("the open group, the focus and the selection of refusals, while they are counted anew", async () => {
  const page = await open("refusals?open=RG203");
  await page.waitForSelector("tr.more");
  await page.focus('button:has-text("RG201")');
  const text = await select(page, "tr.more p");
  const count = await page.textContent("caption");
  mock.emit(30);
  await page.waitForFunction((before) => document.querySelector("caption").textContent !== before, count, { timeout: 15_000 });
  assert.equal(await selected(page), text);
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "RG201");
  await page.close();
});

test("where the state is scrolled to, and what is selected there", async () => {
  const page = await open("state");
  await page.waitForSelector("#coverage");
  await page.waitForSelector("#sessions ~ * table, [aria-labelledby=sessions] table");
  await page.evaluate(() => scrollTo(0, 900));
  const text = await select(page, "[aria-labelledby=exceptions] tbody th");
  await Promise.all([answered(page, "/status"), answered(page, "/sessions")]);
  assert.deepEqual([await page.evaluate(() => scrollY), await selected(page)], [900, text]);
  await page.close();
});

test("the node of the graph that one is at stays in its place and keeps the focus, while roles are added", async (t) => {
  const large = await new Mock({ size: 300 }).listen();
  t.after(() => large.close());
  const page = await browser.page(`http://127.0.0.1:${large.port}/#/graph?fold=no`);
  await page.waitForSelector("[data-node]");
  await page.waitForTimeout(500);
  await page.$eval(".plane-box", (box) => box.scrollTo(0, 100));
  await page.waitForTimeout(200);
  const middle = () => page.evaluate(() => {
    const box = document.querySelector(".plane-box").getBoundingClientRect();
    const places = [...document.querySelectorAll('[data-node^="role:"]')].map((node) => ({ id: node.dataset.node, y: node.getBoundingClientRect().y }));
    const inside = places.filter((one) => one.y > box.y && one.y < box.bottom);
    return inside.sort((a, b) => Math.abs(a.y - box.y - box.height / 2) - Math.abs(b.y - box.y - box.height / 2))[0];
  });
  const { id } = await middle();
  await page.focus(`[data-node="${id}"]`);
  const before = { id, y: await page.$eval(`[data-node="${id}"]`, (node) => node.getBoundingClientRect().y) };
  const edges = await page.textContent(".graph-tools .note");
  large.grow(12);
  await page.waitForFunction((old) => document.querySelector(".graph-tools .note").textContent !== old, edges, { timeout: 15_000 });
  await page.waitForFunction(() => !document.querySelector(".plane.moving"), undefined, { timeout: 15_000 });
  await page.waitForSelector(`[data-node="${before.id}"]`, { timeout: 5_000 });
  const y = await page.$eval(`[data-node="${before.id}"]`, (node) => node.getBoundingClientRect().y);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.node), before.id);
  assert.ok(Math.abs(y - before.y) < 2, `${before.id} moved from ${before.y} to ${y}`);
  await page.close();
});
