// Ten thousand decisions and two thousand nodes: after loading, no task of the page's own thread works for more than 50 ms, so that no
// frame can take 100 ms by the page's doing. What is measured is the work of the thread, not the time on the clock: other programs that
// want the processor make a frame late without any fault of the page, and cannot make this test fail.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Mock } from "./mock.mjs";

const LONGEST_WORK_MS = 50;
/** A full machine makes work slower too, and never quicker: the best of these counts. */
const ROUNDS = 4;

let browser;
before(async () => {
  browser = await Browser.start();
});
after(async () => {
  await browser?.close();
});

/** The longest that a task of the page's thread works while something is done, and the longest frame, in milliseconds. */
async function longest(page, act) {
  const session = await browser.context.newCDPSession(page);
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await session.send("Tracing.start", { traceConfig: { includedCategories: ["toplevel", "__metadata"] }, transferMode: "ReportEvents" });
  await page.evaluate(() => {
    window.worst = 0;
    window.watch?.disconnect();
    window.watch = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) window.worst = Math.max(window.worst, entry.duration);
    });
    window.watch.observe({ type: "long-animation-frame", buffered: false });
  });
  await act();
  await page.waitForTimeout(200);
  const frame = await page.evaluate(() => window.worst);
  const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
  await session.send("Tracing.end");
  await complete;
  await session.detach();
  const mains = new Set(events.filter((event) => event.name === "thread_name" && event.args.name === "CrRendererMain").map((event) => `${event.pid} ${event.tid}`));
  const tasks = events.filter((event) => event.tdur !== undefined && mains.has(`${event.pid} ${event.tid}`)).map((event) => event.tdur / 1_000);
  assert.ok(tasks.length > 0, "the page's thread was watched");
  return { work: Math.max(...tasks), frame };
}

/** Does the same some times over, until one of them stays within bounds. */
async function works(what, page, act) {
  const found = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { work, frame } = await longest(page, act);
    found.push(`${work.toFixed(0)} ms`);
    if (work <= LONGEST_WORK_MS) {
      console.log(`# ${what}: ${found.join(", ")} of work; the longest frame ${frame.toFixed(0)} ms`);
      return;
    }
  }
  assert.fail(`${what}: each time a task worked for more than ${LONGEST_WORK_MS} ms: ${found.join(", ")}`);
}

async function scroll(page, selector, distance) {
  for (const by of [distance, -distance]) {
    for (let step = 0; step < 8; step += 1) {
      await page.$eval(selector, (box, down) => box.scrollBy(0, down), by);
      await page.waitForTimeout(20);
    }
  }
}

test("ten thousand decisions: scrolling, more that come, and a record", async (t) => {
  const mock = await new Mock({ history: 50 }).listen();
  t.after(() => mock.close());
  const page = await browser.page(`http://127.0.0.1:${mock.port}/#/live`);
  await page.waitForSelector(".decision[data-id]");
  for (let burst = 0; burst < 100; burst += 1) {
    mock.emit(100);
    await page.waitForTimeout(15);
  }
  await page.waitForSelector("text=10,000 decisions", { timeout: 20_000 });
  await works("scrolling", page, () => scroll(page, ".virtual-box", 2_000));
  await page.$eval(".virtual-box", (box) => box.scrollTo(0, 0));
  await works("arriving", page, async () => {
    for (let burst = 0; burst < 10; burst += 1) {
      mock.emit(20);
      await page.waitForTimeout(50);
    }
  });
  await works("opening", page, () => page.click(".decision[data-id] .user"));
  await page.close();
});

for (const [fold, nodes] of [["yes", "folded"], ["no", "unfolded"]]) {
  test(`two thousand nodes, ${nodes}: scrolling, pointing, zooming, finding, and answers that come`, async (t) => {
    const mock = await new Mock({ size: 2_000 }).listen();
    t.after(() => mock.close());
    const page = await browser.page(`http://127.0.0.1:${mock.port}/#/graph?fold=${fold}`);
    await page.waitForSelector("[data-node]", { timeout: 30_000 });
    await page.waitForTimeout(500);
    await works("scrolling", page, () => scroll(page, ".plane-box", 150));
    await works("pointing", page, async () => {
      for (const node of (await page.$$("[data-node]")).slice(0, 8)) {
        await node.hover({ timeout: 1_000 }).catch(() => undefined);
        await page.waitForTimeout(30);
      }
    });
    await works("zooming", page, async () => {
      for (const way of ["out", "out", "out", "in", "in", "in"]) {
        await page.click(`[aria-label="Zoom ${way}"]`);
        await page.waitForTimeout(60);
      }
    });
    await works("finding", page, async () => {
      await page.fill("input[type=search]", "archive");
      await page.waitForTimeout(700);
      await page.fill("input[type=search]", "");
      await page.waitForTimeout(700);
    });
    await works("growing", page, async () => {
      mock.grow(1);
      await page.waitForResponse((response) => response.url().includes("/graph"), { timeout: 15_000 });
      await page.waitForTimeout(700);
    });
    await page.close();
  });
}
