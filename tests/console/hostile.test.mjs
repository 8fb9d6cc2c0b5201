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
    const stored = mock.held.findLast((one) => one.stored_uses.length > 0);
    const chosen = encodeURIComponent("<img src=x onerror=alert(1)>\u202e");
    const routes = [
      "graph", "graph?as_table=yes", "live", `live?id=${refused.id}`, "refusals", "refusals?by=rule", "refusals?by=chain", "refusals?by=user",
      "refusals?by=application", "refusals?seen=would_be&by=rule", "state", "graph?unused=yes", `live?id=${stored.id}`, "why?ask=paths&to=x", "why?ask=can-assume&from=cluster&to=x", `live?user=${chosen}&role=${chosen}`, `graph?find=${chosen}&at=${chosen}`, `why?sql=${chosen}&as=${chosen}&rules=${chosen}`,
      `why?ask=paths&to=${chosen}`, `why?sql=${encodeURIComponent("copy t from 's3://b' iam_role 'arn:aws:iam::210987654321:role/X'")}`, `refusals?open=${chosen}`, `${chosen}?${chosen}=${chosen}`,
    ];
    for (const route of routes) {
      const page = await browser.page(`http://127.0.0.1:${mock.port}/#/${route}`, { viewport });
      page.on("dialog", () => assert.fail(`${route}: a script has run`));
      await page.waitForTimeout(450);
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

test("every field that a client, a cluster or a file can fill was hostile", () => {
  const { fields } = mock.poison;
  for (const field of [
    ...["user", "database", "application", "client_address", "groups", "statement", "gate"].map((name) => `Decision.${name}`),
    ...["login_user", "cluster", "policy_version", "fingerprint", "nonce"].map((name) => `DecisionRecord.${name}`),
    ...["RoleUse.roles", "RoleUse.chain.part", "RoleUse.target", "StoredUse.object", "StoredUse.through", "StoredUse.roles", "Rule.id", "Segment.text", "Finding.message", "Finding.detail", "Finding.hint"],
    ...["Hop.from", "Hop.to", "Hop.message", "Hop.evidence", "Hop.remedy", "GraphNode.id", "GraphNode.name", "GraphNode.arn", "GraphNode.account", "GraphNode.owner", "EdgeUser.name", "GraphSource.note"],
    ...["RefusalGroup.key", "RefusalGroup.message", "RefusalGroup.hint", "Session.user", "Session.login_user", "Session.database", "Session.application", "Session.tls_subject"],
    ...["Exception.id", "Exception.owner", "Exception.ticket", "Exception.reason", "Exception.users", "Certificate.name", "Certificate.fault", "Check.fault", "Configuration.restart_pending"],
    ...["Gate.name", "Gate.cluster", "FactsAccount.account", "FactsFetch.last_error", "CatalogObject.name", "CatalogObject.owner", "CatalogObject.grantees", "CatalogSource.gap"],
    ...["UnseenStatement.user", "UnseenStatement.application", "UnseenStatement.statement", "GateCoverage.gaps", "ClientText.message"],
  ]) assert.ok(fields.has(field), `${field}: ${[...fields].join(" ")}`);
});

test("a name that turns the line round is seen to do so", async () => {
  mock.emit(1, { user: "admin\u202etxt.exe", verdict: "allowed" });
  const page = await browser.page(`http://127.0.0.1:${mock.port}/#/live`);
  await page.waitForSelector(".decision[data-id] .hidden-character >> text=U+202E");
  await page.close();
});
