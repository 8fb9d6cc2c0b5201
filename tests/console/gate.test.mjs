// The console of a real gate: what is refused shows at once, the graph is that of what was done, and a restart is lived through.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Browser } from "./browser.mjs";
import { Demo, ROLES, unload } from "./gate.mjs";

const { A, B, C, Partner } = ROLES;
const soon = { timeout: 10_000 };

let browser;
let demo;
before(async () => {
  browser = await Browser.start();
  demo = await Demo.start();
});
after(async () => {
  await browser?.close();
  await demo?.stop();
});

const open = (route) => browser.page(`${demo.url}#/${route}`);

const verdictsOf = (page) => page.$$eval(".decision[data-id]", (rows) => rows.map((row) => row.querySelector(".verdict").textContent).sort());

test("the gate holds the console", async () => {
  const page = await fetch(demo.url);
  const text = await page.text();
  assert.match(text, /<div id="app">/, "the gate was built before the console was: make console, then build the gate");
  assert.match(page.headers.get("content-security-policy"), /default-src 'none'/);
  assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
});

test("the graph is that of the demo: nodes, edges, and the verdict of each", async () => {
  const [etl, analyst] = [await demo.login("etl"), await demo.login("analyst")];
  assert.equal(await etl.run(unload([A, B])), null);
  assert.equal(await etl.run(unload([A, C], "companyb/secret/")), "42501");
  assert.equal(await etl.run(unload([B], "companyb/direct/")), "42501");
  assert.equal(await analyst.run(unload([A, B], "companyb/report/")), "42501");
  assert.equal(await etl.run(unload([A, B], "companyb/partners/venue_")), null, "a rule that is tried out refuses nothing");
  assert.equal(await etl.run(unload([A, Partner], "companyb/names/venue_")), null, "what no facts tell goes on with a warning");
  const page = await open("graph");
  await page.waitForSelector("[data-node]", soon);
  const drawn = await page.evaluate(() => ({
    nodes: [...document.querySelectorAll("[data-node]")].map((node) => node.querySelector(".name").textContent).sort(),
    edges: [...document.querySelectorAll("[data-edge]")].map((edge) => edge.dataset.edge).sort(),
  }));
  assert.deepEqual(drawn.nodes, ["RoleA", "RoleB", "RoleC", "RolePartner", "companyb/direct/", "companyb/names/", "companyb/partners/", "companyb/redshift/", "companyb/report/", "companyb/secret/", "demo"]);
  await page.click("text=Table");
  await page.waitForSelector("[data-edge-row]", soon);
  const rows = await page.$$eval("[data-edge-row]", (all) => all.map((row) => {
    const [from, to, , verdict, uses] = [...row.cells].map((cell) => cell.textContent);
    return `${from.split(" ")[0]} > ${to.split(" ")[0]}: ${verdict} ${uses}`;
  }).sort());
  assert.deepEqual(rows, [
    "RoleA > RoleB: allowed 3",
    "RoleA > RoleC: refused 1",
    "RoleA > RolePartner: undecided 1",
    "RoleB > s3://companyb/direct/: refused 1",
    "RoleB > s3://companyb/partners/: would be refused 1",
    "RoleB > s3://companyb/redshift/: allowed 1",
    "RoleB > s3://companyb/report/: refused 1",
    "RoleC > s3://companyb/secret/: refused 1",
    "RolePartner > s3://companyb/names/: undecided 1",
    "demo > RoleA: allowed 5",
    "demo > RoleB: refused 1",
  ]);
  const answer = await demo.get("/graph");
  assert.deepEqual(drawn.edges, answer.edges.map((edge) => edge.id).sort());
  assert.deepEqual(page.complaints, []);
  await page.close();
  await Promise.all([etl.end(), analyst.end()]);
});

test("a click on an edge filters every view, by the gate itself", async () => {
  const page = await open("graph");
  const edge = `hop role:123456789012/RoleA -> role:210987654321/RoleC`;
  await page.waitForSelector(`[data-edge="${edge}"]`, { state: "attached", ...soon });
  await page.$eval(`[data-edge="${edge}"]`, (line) => line.dispatchEvent(new MouseEvent("click", { bubbles: true })));
  await page.waitForFunction(() => document.querySelectorAll("[data-node]").length === 4, undefined, soon);
  assert.equal(new URLSearchParams(page.url().split("?")[1]).get("at"), edge);
  await page.click("nav >> text=Live");
  await page.waitForSelector(".decision[data-id]", soon);
  assert.deepEqual(await verdictsOf(page), ["refused"]);
  await page.click("nav >> text=Refusals");
  await page.waitForSelector("tbody tr", soon);
  assert.deepEqual(await page.$$eval("tbody th", (cells) => cells.map((cell) => cell.textContent.slice(0, 5))), ["RG203"]);
  await page.goto(`${demo.url}#/graph?verdict=undecided&user=etl&group=etl&kind=unload&application=psql&would_be=annotate`);
  await page.waitForFunction(() => document.querySelectorAll("[data-node]").length === 4, undefined, soon);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("a refusal shows within a second of happening, and its record says why", async () => {
  const page = await open("live?verdict=refused");
  await page.waitForSelector(".decision[data-id]", soon);
  await page.waitForTimeout(500);
  const etl = await demo.login("etl", "<img src=x onerror=alert(1)>\u202e");
  assert.equal(await etl.run(unload([A, C], "companyb/again/")), "42501");
  const refused = Date.now();
  await page.waitForSelector(".decision[data-id] >> text=companyb/again", { timeout: 5_000 });
  assert.ok(Date.now() - refused < 1_000, `${Date.now() - refused} ms`);
  await page.click(".decision[data-id] >> nth=0");
  await page.waitForSelector("aside .hops > li.denied", soon);
  const text = await page.textContent("aside");
  for (const part of ["RG203", "sts:AssumeRole", "hop 1", "Decided in", "not sent to the cluster", "⟨U+202E⟩"]) assert.ok(text.includes(part), `${part}: ${text}`);
  assert.equal(await page.textContent("aside mark"), `'${A},${C}'`);
  assert.equal(await page.$$eval("#app img", (images) => images.length), 0);
  assert.deepEqual(page.complaints, []);
  await page.click("text=Ask why");
  await page.waitForSelector(".answers", soon);
  const verdicts = await page.$$eval(".answer > header .verdict", (badges) => badges.map((badge) => badge.textContent));
  assert.deepEqual(verdicts, ["refused", "would be refused"]);
  await page.close();
  await etl.end();
});

test("the why box judges a statement that was never sent, by the rules in force and by others", async () => {
  const rules = '@id("all") permit (principal, action, resource); @id("none-of-it") @reason("not on my watch") forbid (principal, action == Rolegate::Action::"Unload", resource);';
  const params = new URLSearchParams({ sql: unload([A, B]), as: "etl", groups: "etl", rules });
  const page = await open(`why?${params}`);
  await page.waitForSelector("text=With your rules", soon);
  const verdicts = await page.$$eval(".answer > header .verdict", (badges) => badges.map((badge) => badge.textContent));
  assert.deepEqual(verdicts, ["allowed", "refused"]);
  assert.ok((await page.textContent("[aria-labelledby=beside]")).includes("not on my watch"));
  assert.equal((await demo.get("/decisions?rule=none-of-it")).items.length, 0, "nothing is stored");
  await page.fill("textarea[name=rules]", "permit (principal");
  await page.click("text=Explain");
  await page.waitForSelector(".fault", soon);
  await page.goto(`${demo.url}#/why?${new URLSearchParams({ ask: "paths", to: B })}`);
  await page.waitForSelector(".ways > li", soon);
  await page.goto(`${demo.url}#/why?${new URLSearchParams({ ask: "can-assume", from: A, to: C })}`);
  await page.waitForSelector(".hops > li.denied", soon);
  await page.close();
});

test("refusals are grouped and exported, and the state is told", async () => {
  const page = await open("refusals");
  await page.waitForSelector("tbody >> text=RG203", soon);
  for (const [button, part] of [["Export CSV", "RG203"], ["Export test cases", "iam_role"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`text=${button}`)]);
    const pieces = [];
    for await (const piece of await download.createReadStream()) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).toString().includes(part), button);
  }
  await page.goto(`${demo.url}#/state`);
  await page.waitForSelector("#sessions", soon);
  await page.waitForSelector("text=123456789012", soon);
  const text = await page.textContent("main");
  for (const part of ["210987654321", "gate.crt", "enforce", "ready"]) assert.ok(text.includes(part), part);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("a restart of the gate is lived through", async () => {
  const page = await open("live");
  await page.waitForSelector(".decision[data-id]", soon);
  await demo.halt();
  await page.waitForSelector("text=The gate has not answered since", soon);
  await demo.run();
  await page.waitForSelector("text=The gate has not answered since", { state: "detached", timeout: 15_000 });
  const etl = await demo.login("etl");
  await etl.run(unload([A, C], "companyb/reborn/"));
  await page.waitForSelector(".decision[data-id] >> text=companyb/reborn", soon);
  await page.close();
  await etl.end();
});

test("a demo that is left to itself has life in it, good and bad", async () => {
  const lively = await Demo.start({ idle: false });
  try {
    const page = await browser.page(`${lively.url}#/live`);
    await page.waitForSelector(".decision[data-id] .verdict.allowed", { timeout: 15_000 });
    for (const verdict of ["refused", "would_be_refused", "undecided"]) await page.waitForSelector(`.decision[data-id] .verdict.${verdict}`, { timeout: 30_000 });
    for (const application of ["airflow", "dbt", "Tableau", "notebook"]) await page.waitForSelector(`.decision[data-id] >> text=${application}`, { timeout: 15_000 });
    const { items } = await lively.get("/decisions?application=nightly");
    assert.deepEqual(items, [], "who comes by another door is not seen");
    await page.close();
  } finally {
    await lively.stop();
  }
});
