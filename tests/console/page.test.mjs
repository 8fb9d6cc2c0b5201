// The console against the mock gate: each view does what it says, and every address can be shared.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser, NARROW } from "./browser.mjs";
import { SMALL, record } from "./company.mjs";
import { Mock } from "./mock.mjs";

let browser;
let mock;

before(async () => {
  browser = await Browser.start();
  mock = await new Mock({ history: 240 }).listen();
});
after(async () => {
  await browser?.close();
  await mock?.close();
});

const url = (route, of = mock) => `http://127.0.0.1:${of.port}/#/${route}`;
const open = (route, options) => browser.page(url(route), options);
const refused = () => mock.held.findLast((one) => one.verdict === "refused");
const soon = { timeout: 5_000 };

test("no view asks another host, breaks the policy of the page, or complains", async () => {
  for (const view of ["graph", "live", "why", "refusals", "state", `live?id=${refused().id}`]) {
    const page = await open(view);
    await page.waitForTimeout(400);
    assert.deepEqual(page.complaints, [], view);
    assert.deepEqual([...page.asked], [`127.0.0.1:${mock.port}`], view);
    await page.close();
  }
});

test("no page is wider than a small screen", async () => {
  for (const view of ["graph", "graph?as_table=yes", "live", "why", "why?ask=can-assume", "why?ask=paths", "refusals", "state", `live?id=${refused().id}`]) {
    const page = await open(view, { viewport: NARROW });
    await page.waitForTimeout(400);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, view);
    await page.close();
  }
});

test("a decision appears by itself, and its outcome after it", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id]");
  const made = mock.emit(1, { user: "newcomer", action: "forward", verdict: "allowed" });
  await page.waitForSelector(`.decision[data-id="${made.id}"] >> text=newcomer`, { timeout: 1_000 });
  await page.waitForSelector(`.decision[data-id="${made.id}"] >> text=completed`, soon);
  await page.close();
});

test("filters stand in the address, hold for what comes, and go along to other views", async () => {
  const page = await open("live?user=analyst");
  await page.waitForSelector(".decision[data-id]");
  mock.emit(1, { user: "somebody" });
  const wanted = mock.emit(1, { user: "analyst" });
  await page.waitForSelector(`.decision[data-id="${wanted.id}"]`, soon);
  const users = await page.$$eval(".decision[data-id] .user", (cells) => [...new Set(cells.map((cell) => cell.textContent))]);
  assert.deepEqual(users, ["analyst"]);
  await page.click("nav >> text=Graph");
  assert.match(page.url(), /#\/graph\?user=analyst$/);
  await page.click("text=Remove");
  assert.match(page.url(), /#\/graph$/);
  await page.selectOption(".filters select", "verdict");
  await page.selectOption(".filters .grow select", "refused");
  await page.click(".filters button[type=submit]");
  assert.match(page.url(), /#\/graph\?verdict=refused$/);
  await page.close();
});

test("pausing holds the list still and loses nothing", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id]");
  await page.click("text=Pause");
  const made = mock.emit(25);
  await page.waitForSelector("text=25 waiting", soon);
  assert.equal(await page.$(`.decision[data-id="${made.id}"]`), null);
  await page.click("text=Go on");
  await page.waitForSelector(`.decision[data-id="${made.id}"]`, soon);
  await page.close();
});

test("what is read stays where it is while more comes on top", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id]");
  await page.$eval(".virtual-box", (box) => box.scrollTo(0, 1_000));
  await page.waitForTimeout(100);
  const seen = () => page.evaluate(() => {
    const box = document.querySelector(".virtual-box").getBoundingClientRect();
    const rows = [...document.querySelectorAll(".decision[data-id]")];
    return rows.find((row) => row.getBoundingClientRect().top >= box.top)?.dataset.id;
  });
  const before = await seen();
  mock.emit(40);
  await page.waitForSelector("text=40 new", soon);
  assert.equal(await seen(), before);
  await page.click("text=40 new");
  await page.waitForSelector(`.decision[data-id="${mock.held.at(-1).id}"]`, soon);
  await page.close();
});

test("what the page was too slow for is told", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id]");
  mock.lose(1_234);
  await page.waitForSelector("text=lost 1,234", soon);
  await page.close();
});

test("older decisions are fetched on demand", async () => {
  const page = await open("live?code=RG201");
  await page.waitForSelector(".decision[data-id]");
  const all = await open("live");
  await all.waitForSelector("text=Load older");
  await all.click("text=Load older");
  await all.waitForSelector("text=/2[0-9][0-9] decisions/", soon);
  await all.close();
  await page.close();
});

test("a row opens the whole record: marked text, hops with evidence, remedy to copy", async () => {
  const one = refused();
  const page = await open("live?verdict=refused");
  await page.click(`.decision[data-id="${one.id}"] button`);
  await page.waitForSelector("aside .hops", soon);
  assert.match(page.url(), new RegExp(`id=${one.id}`));
  const { segments, hops } = record(one);
  assert.equal(await page.textContent("aside mark"), segments.find((segment) => segment.role_use === 0).text);
  assert.equal(await page.$$eval("aside .hops > li", (items) => items.length), hops.length);
  for (const text of [...hops.flatMap((hop) => hop.evidence), "Decided in", "not sent to the cluster", one.rules[0].id]) {
    assert.ok((await page.textContent("aside")).includes(text), text);
  }
  await browser.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.click("aside .remedy button");
  await page.waitForSelector("text=copied", soon);
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), record(one).findings[0].hint);
  await page.keyboard.press("Escape");
  await page.waitForSelector("aside", { state: "detached" });
  await page.close();
});

test("the graph shows nodes and edges with the verdict of each, and a click filters everything else", async () => {
  const page = await open("graph");
  await page.waitForSelector("[data-node]");
  assert.equal(await page.$$eval("[data-node]", (nodes) => nodes.length), 12);
  const verdicts = await page.$$eval("[data-edge]", (edges) => edges.map((edge) => edge.dataset.verdict).sort().join(" "));
  assert.equal(verdicts, "allowed allowed allowed allowed refused refused refused refused undecided undecided would_be_refused would_be_refused");
  const dashes = await page.$$eval("[data-edge] path[stroke-dasharray]", (paths) => new Set(paths.map((path) => path.getAttribute("stroke-dasharray"))).size);
  assert.equal(dashes, 4, "each verdict has a pattern of its own");
  const marketing = SMALL.chains[2].roles[1];
  await page.click(`[data-node="role:${marketing}"]`);
  await page.waitForFunction(() => document.querySelectorAll("[data-node]").length === 5, undefined, soon);
  await page.waitForSelector(".graph-panel >> text=Last decisions", soon);
  await page.click("nav >> text=Live");
  assert.equal(new URLSearchParams(page.url().split("?")[1]).get("role"), marketing);
  await page.waitForSelector(".decision[data-id]");
  const chains = await page.$$eval(".decision[data-id] .roles", (cells) => [...new Set(cells.map((cell) => cell.textContent))]);
  assert.deepEqual(chains, ["RoleA → Marketing"]);
  await page.close();
});

test("every filter holds for live, graph and refusals alike, and stands in the address", async () => {
  const one = mock.held.findLast((held) => held.verdict === "refused");
  const [use] = one.role_uses;
  const values = { user: one.user, group: one.groups[0], chain: use.chain, role: use.roles[0], code: one.codes[0], kind: one.kind, verdict: "refused", would_be: "reject", application: one.application, bucket: use.target.split("/")[2], rule: "permit-all", gate: "demo" };
  const page = await open("live");
  for (const [name, value] of Object.entries(values)) {
    const holds = mock.held.filter((held) => mock.holds(held, { [name]: value }));
    for (const [view, path] of [["live", "/decisions"], ["graph", "/graph"], ["refusals", "/refusals"]]) {
      const asked = page.waitForRequest((request) => new URL(request.url()).pathname === `/api/v1${path}` && new URL(request.url()).searchParams.get(name) === value, soon);
      await page.goto(url(`${view}?${new URLSearchParams({ [name]: value })}`));
      await asked;
      await page.waitForSelector(`.set >> text=Remove`, soon);
      assert.equal(await page.$(".set .idle"), null, `${view} filters by ${name}`);
    }
    await page.waitForSelector(`caption >> text=/^${holds.filter((held) => held.action === "reject").length} statement/`, soon);
  }
  await page.close();
});

test("choosing a line that stands for several unfolds them", async () => {
  const page = await open("graph?fold=yes");
  await page.waitForSelector('[data-node^="folded:"]');
  const folded = () => page.$$eval('[data-node^="folded:"]', (nodes) => nodes.length);
  const before = await folded();
  await page.$eval('[data-edge*="folded:"]', (line) => line.dispatchEvent(new MouseEvent("click", { bubbles: true })));
  await page.waitForFunction((many) => document.querySelectorAll('[data-node^="folded:"]').length < many, before, soon);
  await page.waitForFunction(() => document.querySelectorAll("[data-node]").length > 3, undefined, soon);
  assert.ok(!page.url().includes("at="), page.url());
  await page.close();
});

test("a stored chain that was used is told in the list, the record and the graph", async () => {
  const one = mock.held.findLast((held) => held.stored_uses.length > 0);
  const page = await open(`live?id=${one.id}`);
  await page.waitForSelector("aside .stored", soon);
  const told = await page.textContent("aside .stored");
  for (const part of ["RoleA", "spectrum", "through a view", "public.sales"]) assert.ok(told.includes(part), `${part}: ${told}`);
  assert.match(await page.textContent(`.decision[data-id="${one.id}"] .roles`), /RoleA by view public\.sales/);
  await page.goto(url("graph?kind=query"));
  await page.waitForSelector('[data-edge^="stores stored:spectrum"][data-verdict="allowed"]', { state: "attached", ...soon });
  assert.equal(await page.$$eval("[data-node]", (nodes) => nodes.length), 2);
  await page.close();
});

test("possible but unused hops come on demand, and the table holds what the picture holds", async () => {
  const page = await open("graph");
  await page.waitForSelector("[data-node]");
  await page.click("text=Possible but unused");
  await page.waitForSelector('[data-edge][data-verdict="unused"]', { state: "attached", ...soon });
  const drawn = await page.$$eval("[data-edge]", (edges) => edges.map((edge) => edge.dataset.edge).sort());
  await page.click("text=Table");
  await page.waitForSelector("[data-edge-row]");
  assert.deepEqual(await page.$$eval("[data-edge-row]", (rows) => rows.map((row) => row.dataset.edgeRow).sort()), drawn);
  assert.match(page.url(), /unused=yes/);
  await page.close();
});

test("the why box explains by the policy in force, in shadow and by other rules, from its address", async () => {
  const roles = SMALL.chains[3].roles.join(",");
  const sql = `unload ('select 1') to 's3://companyb/secret/' iam_role '${roles}'`;
  const page = await open("why");
  await page.fill("textarea[name=sql]", sql);
  await page.fill("input[name=as]", "etl");
  await page.click("text=Explain");
  await page.waitForSelector(".answers", soon);
  assert.deepEqual(await page.$$eval(".answer > header .verdict", (badges) => badges.map((badge) => badge.textContent)), ["refused", "would be refused"]);
  assert.ok((await page.textContent(".client")).startsWith("ERROR: role chain refused (RG203)"));
  const other = await browser.page(page.url());
  await other.waitForSelector(".answers", soon);
  assert.equal(await other.inputValue("textarea[name=sql]"), sql);
  await other.click("text=Beside rules of your own");
  await other.fill("textarea[name=rules]", "permit (principal, action, resource);");
  await other.click("text=Explain");
  await other.waitForSelector("text=With your rules", soon);
  await other.fill("textarea[name=rules]", "broken");
  await other.click("text=Explain");
  await other.waitForSelector("text=unexpected token", soon);
  await other.close();
  await page.close();
});

test("a statement with a secret never stands in the address", async () => {
  const page = await open("why");
  await page.fill("textarea[name=sql]", "copy t from 's3://b' access_key_id 'AKIA' secret_access_key 'hush'");
  await page.click("text=Explain");
  await page.waitForSelector(".answers", soon);
  assert.ok(!page.url().includes("hush"));
  await page.close();
});

test("one hop and the ways to a role are answered", async () => {
  const page = await open(`why?ask=can-assume&from=cluster&to=${encodeURIComponent(SMALL.chains[3].roles[1])}`);
  await page.waitForSelector(".hops", soon);
  assert.equal(await page.textContent("#hop-answer + *"), "denied");
  await page.goto(url(`why?ask=paths&to=${encodeURIComponent(SMALL.chains[0].roles[1])}`));
  await page.waitForSelector(".ways", soon);
  assert.equal(await page.$$eval(".ways > li", (items) => items.length), 2);
  await page.close();
});

test("refusals are grouped, told apart from what would break, and exported", async () => {
  const page = await open("refusals");
  await page.waitForSelector("tbody tr");
  const counts = async () => (await page.$$eval("tbody td:nth-child(2)", (cells) => cells.map((cell) => Number(cell.textContent))));
  const sum = (await counts()).reduce((a, b) => a + b, 0);
  assert.equal(sum, mock.held.filter((one) => one.action === "reject").length);
  await page.click("text=Would break when enforced");
  await page.waitForSelector("tbody >> text=RG301", soon);
  await page.click("[aria-label=\"Grouped by\"] >> text=Rule");
  await page.waitForSelector("tbody >> text=no-cross-account-unload", soon);
  assert.match(page.url(), /seen=would_be/);
  for (const [button, ending] of [["Export CSV", ".csv"], ["Export test cases", ".toml"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`text=${button}`)]);
    assert.ok(download.suggestedFilename().endsWith(ending));
  }
  await page.close();
});

test("the state names what is wrong", async () => {
  const page = await open("state");
  await page.waitForSelector("#sessions");
  const text = await page.textContent("main");
  for (const part of ["1 unseen", "nightly", "41 seen, 2 cannot be told", "the connection log may not be read", "set [gate.coverage]", "2 groups, read", "26", "runtime.workers", "old-loader", "9c1f6b2e7a40", "AccessDenied", "ca.crt", "was last read 3 h ago", "in transaction"]) assert.ok(text.includes(part), part);
  await page.close();
});

test("times are local, with UTC on hover", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id] time");
  const { title, shown, time } = await page.$eval(".decision[data-id] time", (element) => ({ title: element.title, shown: element.textContent, time: element.dateTime }));
  assert.ok(title.endsWith(" UTC"));
  const local = new Date(time).toLocaleTimeString("en-GB", { timeZone: "Europe/Berlin" });
  assert.ok(shown.startsWith(local), `${shown} ${local}`);
  await page.close();
});

test("light, dark and system", async () => {
  const page = await open("state", { theme: "dark" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await page.selectOption(".theme select", "light");
  const light = await paper();
  await page.emulateMedia({ colorScheme: "light" });
  await page.selectOption(".theme select", "system");
  assert.notEqual(dark, light);
  assert.equal(await paper(), light);
  await page.close();
});

test("a token is asked for, kept in memory alone, and asked for again when it is wrong", async () => {
  const guarded = await new Mock({ token: "a token of sixteen letters" }).listen();
  const page = await browser.page(`http://127.0.0.1:${guarded.port}/#/live`);
  await page.fill("input[type=password]", "a wrong token, but long enough");
  await page.click("text=Continue");
  await page.waitForSelector("text=does not know this token", soon);
  await page.fill("input[type=password]", "a token of sixteen letters");
  await page.click("text=Continue");
  await page.waitForSelector(".decision[data-id]", soon);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie + location.href);
  assert.ok(!kept.includes("sixteen"));
  await page.reload();
  await page.waitForSelector("input[type=password]", soon);
  await page.close();
  await guarded.close();
});

test("when the gate is gone the page says since when and greys what is old; when it is back, all goes on", async () => {
  const first = await new Mock().listen();
  const { port } = first;
  const page = await browser.page(`http://127.0.0.1:${port}/#/live`);
  await page.waitForSelector(".decision[data-id]");
  const newest = () => page.$eval(".decision[data-id]", (row) => row.dataset.id);
  const shown = await newest();
  await first.close();
  await page.waitForSelector("text=The gate has not answered since", soon);
  assert.equal(await newest(), shown, "what was there stays");
  assert.ok(Number(await page.$eval("main > div", (element) => getComputedStyle(element).opacity)) < 1);
  const second = new Mock({ history: 3, seed: 5 });
  second.startedAt = new Date().toISOString();
  second.held.forEach((one, index) => { one.id = `again-${index}`; });
  await second.listen(port);
  await page.waitForSelector("text=The gate has not answered since", { state: "detached", timeout: 10_000 });
  await page.waitForSelector('.decision[data-id="again-2"]', soon);
  const made = second.emit(1, { id: "after-the-restart" });
  await page.waitForSelector(`.decision[data-id="${made.id}"]`, soon);
  await page.close();
  await second.close();
});
