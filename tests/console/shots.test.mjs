// Pictures of every view, light and dark, wide and narrow, in target/console: to be looked at.

import assert from "node:assert/strict";
import { mkdir, stat } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { Browser, NARROW, WIDE } from "./browser.mjs";
import { SMALL } from "./company.mjs";
import { Mock } from "./mock.mjs";

const FOLDER = fileURLToPath(new URL("../../target/console/", import.meta.url));

let browser;
let mock;
let large;
before(async () => {
  browser = await Browser.start();
  mock = await new Mock().listen();
  large = await new Mock({ size: 2_000 }).listen();
  await mkdir(FOLDER, { recursive: true });
});
after(async () => {
  await browser?.close();
  await mock?.close();
  await large?.close();
});

const views = () => {
  const refused = mock.held.findLast((one) => one.verdict === "refused");
  const stored = mock.held.findLast((one) => one.stored_uses.length > 0);
  const [, , marketing, denied] = SMALL.chains;
  const sql = encodeURIComponent(`unload ('select * from venue')\nto 's3://companyb/x/'\niam_role '${denied.roles.join(",")}'`);
  return {
    "graph": ["graph", "[data-node]"],
    "graph-chosen": [`graph?unused=yes&role=${encodeURIComponent(marketing.roles[1])}`, ".graph-panel li"],
    "graph-table": ["graph?as_table=yes", "[data-edge-row]"],
    "graph-large": ["graph", "[data-node]", large],
    "graph-large-unfolded": ["graph?fold=no", "[data-node]", large],
    "live": ["live", ".decision[data-id]"],
    "live-filtered": ["live?user=etl&verdict=refused", ".decision[data-id]"],
    "live-record": [`live?id=${refused.id}`, "aside .hops"],
    "live-stored": [`live?id=${stored.id}`, "aside .stored"],
    "why": ["why", "textarea"],
    "why-answer": [`why?sql=${sql}&as=etl&rules=permit`, ".answers"],
    "why-one-hop": [`why?ask=can-assume&from=cluster&to=${encodeURIComponent(denied.roles[1])}`, ".hops"],
    "why-ways": [`why?ask=paths&to=${encodeURIComponent(denied.roles[1])}`, ".ways"],
    "refusals": ["refusals?open=RG203", "tr.more"],
    "refusals-would-be": ["refusals?seen=would_be&by=rule", "tbody tr"],
    "state": ["state", "#sessions"],
  };
};

for (const theme of ["light", "dark"]) {
  for (const [width, viewport] of [["wide", WIDE], ["narrow", NARROW]]) {
    test(`pictures: ${theme}, ${width}`, async () => {
      for (const [name, [route, ready, of = mock]] of Object.entries(views())) {
        const page = await browser.page(`http://127.0.0.1:${of.port}/#/${route}`, { viewport, theme });
        await page.waitForSelector(ready, { timeout: 30_000 });
        await page.waitForTimeout(300);
        const path = `${FOLDER}${name}-${width}-${theme}.png`;
        await page.screenshot({ path, fullPage: true });
        assert.ok((await stat(path)).size > 5_000, path);
        await page.close();
      }
    });
  }
}
