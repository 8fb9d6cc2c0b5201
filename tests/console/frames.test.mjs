// Ten thousand decisions and two thousand nodes: after loading, no frame takes over 100 ms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Mock } from "./mock.mjs";

const LONGEST_MS = 100;
/** On a machine that does much else at once a frame may be late for reasons of its own: the best of these counts. */
const ROUNDS = 4;

let browser;
before(async () => {
  browser = await Browser.start();
});
after(async () => {
  await browser?.close();
});

/** The longest work of the page's own thread while something is done, in milliseconds. */
async function longest(page, act) {
  await page.evaluate(() => {
    window.worst = 0;
    window.watch?.disconnect();
    window.watch = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.worst = Math.max(window.worst, entry.duration);
    });
    window.watch.observe({ type: "long-animation-frame", buffered: false });
  });
  await act();
  await page.waitForTimeout(300);
  return page.evaluate(() => window.worst);
}

async function bestOf(page, act) {
  const found = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    found.push(await longest(page, () => act(round)));
    if (found.at(-1) <= LONGEST_MS) return found.at(-1);
  }
  throw new assert.AssertionError({ message: `each round had a frame over ${LONGEST_MS} ms: ${found.map(Math.round).join(", ")}` });
}

async function scroll(page, selector, distance) {
  for (let step = 0; step < 20; step += 1) {
    await page.$eval(selector, (box, by) => box.scrollBy(0, by), distance);
    await page.waitForTimeout(20);
  }
}

test("ten thousand decisions: scrolling, and more that come", async () => {
  const mock = await new Mock({ history: 50 }).listen();
  const page = await browser.page(`http://127.0.0.1:${mock.port}/#/live`);
  await page.waitForSelector(".decision[data-id]");
  for (let burst = 0; burst < 100; burst += 1) {
    mock.emit(100);
    await page.waitForTimeout(15);
  }
  await page.waitForSelector("text=10,000 decisions", { timeout: 20_000 });
  console.log(`# scrolling: ${await bestOf(page, (round) => scroll(page, ".virtual-box", round % 2 === 0 ? 2_000 : -2_000))} ms`);
  await page.$eval(".virtual-box", (box) => box.scrollTo(0, 0));
  console.log(`# arriving: ${await bestOf(page, async () => {
    for (let burst = 0; burst < 10; burst += 1) {
      mock.emit(20);
      await page.waitForTimeout(50);
    }
  })} ms`);
  console.log(`# opening: ${await bestOf(page, async () => page.click(".decision[data-id]"))} ms`);
  await page.close();
  await mock.close();
});

for (const [fold, nodes] of [["yes", "folded"], ["no", "unfolded"]]) {
  test(`two thousand nodes, ${nodes}: scrolling, pointing and zooming`, async () => {
    const mock = await new Mock({ size: 2_000 }).listen();
    const page = await browser.page(`http://127.0.0.1:${mock.port}/#/graph?fold=${fold}`);
    await page.waitForSelector("[data-node]", { timeout: 30_000 });
    await page.waitForTimeout(500);
    console.log(`# scrolling: ${await bestOf(page, (round) => scroll(page, ".plane-box", round % 2 === 0 ? 150 : -150))} ms`);
    console.log(`# pointing: ${await bestOf(page, async () => {
      for (const node of (await page.$$("[data-node]")).slice(0, 8)) {
        await node.hover({ timeout: 1_000 }).catch(() => undefined);
        await page.waitForTimeout(30);
      }
    })} ms`);
    console.log(`# zooming: ${await bestOf(page, async (round) => {
      for (let step = 0; step < 5; step += 1) {
        await page.click(`[aria-label="Zoom ${round % 2 === 0 ? "out" : "in"}"]`);
        await page.waitForTimeout(50);
      }
    })} ms`);
    await page.close();
    await mock.close();
  });
}
