// A gate that is none: serves the built console and answers as the gate does, from made-up numbers. Run by itself it serves
// for work on the console: node tests/console/mock.mjs [--size 2000] [--hostile] [--token TEXT]

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

import { SMALL, bigGraph, decision, dice, graphOf, iso, passes, record } from "./company.mjs";
import { Poison } from "./poison.mjs";
import { sessions, status, facts, catalog, coverage, refusals } from "./state.mjs";

const DIST = fileURLToPath(new URL("../../proxy/console/dist/", import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

export class Mock {
  constructor({ size = 0, hostile = false, token = null, history = 240, every = 0, seed = 11 } = {}) {
    Object.assign(this, { size, token, every });
    /** Makes every text hostile on its way out. */
    this.poison = hostile ? new Poison() : null;
    this.chance = dice(seed);
    this.startedAt = iso(7_200);
    this.seq = 0;
    this.held = [];
    this.streams = new Set();
    this.requests = [];
    for (let index = 0; index < history; index += 1) this.#make((history - index) * 7);
  }

  async listen(port = 0) {
    this.server = createServer((request, response) => void this.#answer(request, response));
    await new Promise((resolve) => this.server.listen(port, "127.0.0.1", resolve));
    this.port = this.server.address().port;
    if (this.every > 0) this.timer = setInterval(() => this.emit(1), this.every);
    return this;
  }

  /** Goes away, with all its streams. */
  async close() {
    clearInterval(this.timer);
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    this.streams.clear();
  }

  #make(secondsAgo, change = {}) {
    this.seq += 1;
    const made = { ...decision(this.seq, this.chance, { secondsAgo }), ...change };
    this.held.push(made);
    return made;
  }

  /** Judges `count` statements now, and tells the streams. */
  emit(count, change = {}) {
    let made;
    for (let index = 0; index < count; index += 1) {
      made = this.#make(0, change);
      const { full, ...told } = made;
      for (const stream of this.streams) if (matches(made, stream.query)) stream.send("decision", this.#out("Decision", told), made.seq);
      if (made.action !== "reject") {
        made.outcome = { time: iso(0), outcome: "completed", rows: 10, error: null, seconds: 0.21, runs: 1 };
        for (const stream of this.streams) stream.send("outcome", this.#out("OutcomeEvent", { of: made.id, ...made.outcome }));
      }
    }
    return made;
  }

  /** Tells the streams that they missed some. */
  lose(count) {
    for (const stream of this.streams) stream.send("lost", { count });
  }

  /** Whether a decision passes filters. */
  holds(one, query) {
    return matches(one, query);
  }

  async #answer(request, response) {
    const url = new URL(request.url, "http://localhost");
    this.requests.push(url.pathname);
    const send = (status, body, type = "application/json", headers = {}) => {
      response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", ...headers });
      response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body));
    };
    if (!url.pathname.startsWith("/api/")) return this.#file(url.pathname, send);
    if (this.token !== null && request.headers.authorization !== `Bearer ${this.token}`) return send(401, "who is there?", "text/plain", { "WWW-Authenticate": "Bearer" });
    const path = url.pathname.slice("/api/v1".length);
    const query = Object.fromEntries([...url.searchParams].map(([name, value]) => [name, this.#was(value)]));
    if (path === "/decisions/stream") return this.#stream(query, request, response);
    if (path === "/explain" && request.method === "POST") return this.#explain(request, send);
    const answer = this.#get(path, query);
    if (answer === null) return send(404, { error: "no such page", field: null });
    if (typeof answer === "string") return send(200, answer, "text/csv", { "Content-Disposition": "attachment" });
    return send(200, this.poison === null ? answer : this.poison.answer(path, answer));
  }

  #out(schema, value) {
    return this.poison === null ? value : this.poison.named(schema, value);
  }

  /** What a text was before it was made hostile. */
  #was(text) {
    return text.split(",").map((part) => this.poison?.was.get(part) ?? part).join(",");
  }

  #get(path, query) {
    if (path.startsWith("/decisions/")) {
      const found = this.held.find((one) => one.id === this.#was(decodeURIComponent(path.slice("/decisions/".length))));
      return found ? record(found) : null;
    }
    switch (path) {
      case "/status": return status(this);
      case "/decisions": return this.#page(query);
      case "/graph": return this.#graph(query);
      case "/refusals": return query.format ? `key,count\n${this.held.filter((one) => matches(one, query)).length}\n` : refusals(this.held.filter((one) => matches(one, query)), query);
      case "/sessions": return sessions(query);
      case "/facts": return facts();
      case "/catalog": return catalog();
      case "/coverage": return coverage();
      case "/can-assume": return { cluster: "demo", decision: "denied", steps: record(this.held.find((one) => one.verdict !== "allowed")).hops };
      case "/paths": return { cluster: "demo", to: query.to, chains: [{ roles: SMALL.chains[0].roles, doubts: [] }, { roles: SMALL.chains[5].roles, doubts: ["the facts do not hold the permissions boundary of Archive"] }], is_cut: false };
      default: return null;
    }
  }

  #page(query) {
    const limit = Number(query.limit ?? 100);
    const below = query.before === undefined ? Infinity : Number(query.before);
    const items = [];
    for (let index = this.held.length - 1; index >= 0 && items.length < limit; index -= 1) {
      const one = this.held[index];
      if (one.seq < below && matches(one, query)) items.push(one);
    }
    const last = items.at(-1);
    return { items: items.map(({ full, ...told }) => told), next: last && last.seq > 1 ? last.seq : null };
  }

  #graph(query) {
    const isOfStatements = ["verdict", "user", "group", "code", "rule", "kind", "would_be", "application"].some((name) => query[name] !== undefined);
    const found = this.held.filter((one) => matches(one, query));
    const choices = { withUnused: query.unused === "true" && !isOfStatements, withStored: !isOfStatements };
    const { nodes, edges } = this.size > 0 ? this.#large() : graphOf(found, choices);
    const sources = [{ source: "recent", available: true, note: null }, { source: "facts", available: true, note: null }, { source: "catalog", available: false, note: "no catalogue is read" }];
    return { gate: query.gate ?? null, since: this.startedAt, until: iso(0), decisions: found.length, nodes, edges, left_out: { nodes: 0, edges: 0, possible: false }, sources };
  }

  /** One more use each time, so that every answer is news. */
  #large() {
    this.big ??= bigGraph(this.size);
    this.big.edges[0].uses += 1;
    return this.big;
  }

  /** Adds roles that the cluster assumes to the large graph. */
  grow(count) {
    const [first] = this.#large().nodes;
    const sample = this.big.nodes.find((node) => node.kind === "role");
    const edge = this.big.edges.find((one) => one.to === sample.id);
    for (let index = 0; index < count; index += 1) {
      const id = `role:${sample.account}:Aaa${index}`;
      this.big.nodes.push({ ...sample, id, name: `Aaa${index}` });
      this.big.edges.push({ ...edge, id: `attachment:${id}`, from: first.id, to: id });
    }
  }

  #stream(query, request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    const stream = {
      query,
      send: (event, data, id = null) => response.write(`${id === null ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    };
    stream.send("open", { started_at: this.startedAt, cursor: String(this.seq) }, this.seq);
    const since = Number(request.headers["last-event-id"] ?? this.seq);
    for (const one of this.held) if (one.seq > since && matches(one, query)) stream.send("decision", this.#out("Decision", one), one.seq);
    this.streams.add(stream);
    const beat = setInterval(() => response.write(": \n"), 5_000);
    response.on("close", () => {
      clearInterval(beat);
      this.streams.delete(stream);
    });
  }

  async #explain(request, send) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    const { sql, rules } = JSON.parse(Buffer.concat(pieces).toString());
    if (rules?.includes("broken")) return send(422, { error: "rules:1:1: unexpected token `broken`", field: "rules" });
    const arns = [...sql.matchAll(/arn:[^',\s]+/g)].map(([arn]) => arn);
    const chain = SMALL.chains.find((one) => one.roles.join() === arns.join()) ?? (arns.length > 0 ? { ...SMALL.chains[3], roles: arns } : null);
    const explain = (mode) => {
      if (chain === null) return { policy_version: "9c1f6b2e7a40", is_plain: true, action: "forward", would_be: "forward", mode, client: null, statements: [] };
      const base = { ...decision(1, dice(3)), ...chain, stored_uses: [], codes: chain.code ? [chain.code] : [], full: sql, role_uses: [{ clause: "iam_role", method: "chain", roles: chain.roles, chain: chain.roles.join(","), target: chain.target }] };
      const isGood = chain.verdict === "allowed";
      const action = isGood ? "forward" : mode === "shadow" ? "annotate" : "reject";
      const said = record({ ...base, verdict: isGood ? "allowed" : mode === "shadow" ? "would_be_refused" : "refused" });
      const client = isGood ? null : { message: "role chain refused (RG203)", detail: said.findings[0].detail, hint: said.findings[0].hint, position: 42 };
      return { policy_version: "9c1f6b2e7a40", is_plain: false, action, would_be: isGood ? "forward" : "reject", mode, client, statements: [said] };
    };
    return send(200, this.#out("ExplainAnswer", { gate: "demo", in_force: explain("enforce"), shadow: explain("shadow"), with_rules: rules ? explain("enforce") : null }));
  }

  async #file(path, send) {
    const name = normalize(path === "/" ? "/index.html" : path);
    try {
      send(200, await readFile(join(DIST, name)), TYPES[extname(name)] ?? "application/octet-stream");
    } catch {
      send(404, { error: "no such page", field: null });
    }
  }
}

const HOLDS = {
  gate: (one, value) => one.gate === value,
  rule: (one, value) => one.rules.some((rule) => rule.id === value),
  user: (one, value) => one.user === value,
  group: (one, value) => one.groups.includes(value),
  verdict: (one, value) => one.verdict === value,
  code: (one, value) => one.codes.includes(value),
  kind: (one, value) => one.kind === value,
  would_be: (one, value) => one.would_be === value,
  application: (one, value) => one.application === value,
  role: (one, value) => [...one.role_uses, ...one.stored_uses].some((use) => use.roles.includes(value)),
  chain: (one, value) => [...one.role_uses, ...one.stored_uses].some((use) => use.chain === value),
  at: passes,
  bucket: (one, value) => one.role_uses.some((use) => use.target?.split("/")[2] === value),
};

function matches(one, query) {
  return Object.entries(HOLDS).every(([name, holds]) => query[name] === undefined || holds(one, query[name]));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const option = (name) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? null : process.argv[at + 1];
  };
  const mock = new Mock({ size: Number(option("size") ?? 0), hostile: process.argv.includes("--hostile"), token: option("token"), every: 1_500 });
  await mock.listen(Number(option("port") ?? 9_440));
  console.log(`http://127.0.0.1:${mock.port}/`);
}
