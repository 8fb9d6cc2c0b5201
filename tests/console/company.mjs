// What the mock gate knows: a small company, or one of any size; the same numbers give the same company.

export function dice(seed) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
  return { next, pick: (list) => list[Math.floor(next() * list.length)], below: (limit) => Math.floor(next() * limit) };
}

const role = (account, name) => `arn:aws:iam::${account}:role/${name}`;
const [OWN, B, C] = ["123456789012", "210987654321", "345678901234"];

export const SMALL = {
  users: [
    ["etl", ["etl"], "airflow"],
    ["analyst", ["analysts"], "Tableau"],
    ["loader", ["etl"], "dbt"],
    ["finance", ["analysts", "finance"], "psql"],
  ],
  chains: [
    { roles: [role(OWN, "RoleA"), role(B, "RoleB")], verdict: "allowed", target: "s3://companyb/redshift/venue_pipe_" },
    { roles: [role(OWN, "RoleA")], verdict: "allowed", target: "s3://landing/orders/" },
    { roles: [role(OWN, "RoleA"), role(C, "Marketing")], verdict: "would_be_refused", target: "s3://marketing-exports/weekly/", code: "RG301" },
    { roles: [role(OWN, "RoleA"), role(B, "RoleC")], verdict: "refused", target: "s3://companyb/secret/", code: "RG203" },
    { roles: [role(B, "RoleB")], verdict: "refused", target: "s3://companyb/redshift/", code: "RG201" },
    { roles: [role(OWN, "RoleA"), role(C, "Archive")], verdict: "undecided", target: "s3://archive/2026/", code: "RG207" },
  ],
};

/** Names as somebody would choose them who wants to do harm. */
export const HOSTILE = [
  "<img src=x onerror=alert(1)>",
  "\"><script>alert(1)</script>",
  "admin\u202e\u2066txt.exe",
  "a\u0000b\u001b[31mred\u0007",
  "zero\u200bwidth\ufeff",
  "line\nbreak\r\u2028end",
  "{{constructor.constructor('alert(1)')()}}",
  "javascript:alert(1)",
  "e\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301",
  "A".repeat(400),
  "\u05d0\u05d1\u05d2 \u0627\u0644\u0639",
  "' onmouseover='alert(1)",
];

/** A graph of about `size` nodes, as the gate's answer to /graph has it. */
export function bigGraph(size, seed = 7) {
  const { next, pick, below } = dice(seed);
  const nodes = [{ id: "cluster:demo", kind: "cluster", name: "demo", account: OWN, arn: null, known: true, owner: null, uses: 40_000, first_seen: iso(86_400), last_seen: iso(1) }];
  const edges = [];
  const accounts = Array.from({ length: Math.max(3, Math.round(size / 50)) }, (_, index) => String(100_000_000_000 + index * 7_919_137));
  const layers = [[nodes[0]]];
  // A cluster bears fifty roles at most; they are of few accounts.
  for (const [share, of] of [[Math.min(50, size / 10), 3], [size * 0.33, accounts.length], [size * 0.3, accounts.length]]) {
    const layer = Array.from({ length: Math.round(share) }, (_, index) => {
      const account = accounts[below(of)];
      const name = `${pick(["Etl", "Reports", "Loader", "Export", "Archive"])}${layers.length}x${index}`;
      return { id: `role:${account}:${name}`, kind: "role", name, account, arn: role(account, name), known: next() < 0.9, owner: null, uses: below(900), first_seen: iso(80_000), last_seen: iso(below(3_000)) };
    });
    layers.push(layer);
    nodes.push(...layer);
  }
  while (nodes.length < size) {
    const name = `s3://bucket-${nodes.length}/`;
    nodes.push({ id: `bucket:${name}`, kind: "bucket", name, account: null, arn: null, known: null, owner: null, uses: below(900), first_seen: iso(80_000), last_seen: iso(below(3_000)) });
  }
  const reached = nodes.filter((node) => node.kind === "bucket");
  const link = (from, to, kind) => {
    const verdict = next() < 0.8 ? "allowed" : pick(["would_be_refused", "refused", "undecided"]);
    const uses = 1 + below(500);
    const counts = { allowed: 0, would_be_refused: 0, refused: 0, undecided: 0, [verdict]: uses };
    edges.push({ id: `${kind}:${from.id}>${to.id}:${edges.length}`, from: from.id, to: to.id, kind, verdict, counts, uses, first_seen: iso(80_000), last_seen: iso(below(3_000)), users: [{ name: "etl", uses }], users_left_out: 0, doubt: null, codes: verdict === "allowed" ? [] : ["RG203"] });
  };
  for (const node of layers[1]) link(nodes[0], node, "attachment");
  for (const depth of [2, 3]) {
    for (const node of layers[depth]) {
      // Few accounts lead into another, and most deeper hops stay in one.
      const near = depth === 2 ? layers[1].filter((_, index) => index % 7 === Number(node.account) % 7) : layers[2].filter((one) => one.account === node.account);
      const before = near.length > 0 ? near : layers[depth - 1];
      link(pick(before), node, "hop");
      if (next() < 0.3) link(pick(before), node, "hop");
    }
  }
  for (const node of reached) link(pick(layers[1 + below(3)]), node, "reach");
  return { nodes, edges };
}

/** The graph of the small company. */
export function smallGraph(withUnused) {
  const nodes = new Map();
  const edges = new Map();
  const add = (id, kind, name, account, arn, known = true) => {
    if (!nodes.has(id)) nodes.set(id, { id, kind, name, account, arn, known, owner: kind === "stored_object" ? "etl" : null, uses: 0, first_seen: iso(7_200), last_seen: iso(12) });
    return nodes.get(id);
  };
  const GRAVEST = ["unused", "allowed", "undecided", "would_be_refused", "refused"];
  const link = (from, to, kind, verdict, uses, codes) => {
    const id = `${kind}:${from.id}>${to.id}`;
    const edge = edges.get(id) ?? { id, from: from.id, to: to.id, kind, verdict: "unused", counts: { allowed: 0, would_be_refused: 0, refused: 0, undecided: 0 }, uses: 0, first_seen: null, last_seen: null, users: [], users_left_out: 0, codes: [], doubt: null };
    edges.set(id, edge);
    if (GRAVEST.indexOf(verdict) > GRAVEST.indexOf(edge.verdict)) edge.verdict = verdict;
    if (uses === 0) return;
    edge.counts[verdict] += uses;
    edge.uses += uses;
    edge.first_seen = iso(7_200);
    edge.last_seen = iso(12);
    edge.users = [{ name: "etl", uses: edge.uses }];
    edge.codes = [...new Set([...edge.codes, ...codes])];
    to.uses += uses;
  };
  const cluster = add("cluster:demo", "cluster", "demo", OWN, null);
  cluster.uses = 214;
  SMALL.chains.forEach((chain, index) => {
    const uses = [140, 41, 12, 6, 3, 2][index];
    let from = cluster;
    chain.roles.forEach((arn, place) => {
      const [, , , , account, path] = arn.split(":");
      const to = add(`role:${arn}`, "role", path.replace("role/", ""), account, arn);
      const isLast = place === chain.roles.length - 1;
      link(from, to, place === 0 ? "attachment" : "hop", isLast ? chain.verdict : "allowed", uses, isLast && chain.code ? [chain.code] : []);
      from = to;
    });
    const path = chain.target.split("/").slice(0, 4).join("/") + "/";
    link(from, add(`bucket:${path}`, "bucket", path, null, null, null), "reach", chain.verdict, uses, chain.code ? [chain.code] : []);
  });
  const stored = add("stored:external_schema:spectrum", "stored_object", "spectrum", null, null, null);
  link(stored, nodes.get(`role:${role(OWN, "RoleA")}`), "stores", "allowed", 9, []);
  if (withUnused) {
    const backup = add(`role:${role(B, "Backup")}`, "role", "Backup", B, role(B, "Backup"));
    backup.last_seen = backup.first_seen = null;
    link(nodes.get(`role:${role(OWN, "RoleA")}`), backup, "hop", "unused", 0, []);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

export function iso(secondsAgo) {
  return new Date(Date.now() - secondsAgo * 1000).toISOString().replace("Z", "000Z");
}

const KINDS = ["unload", "copy", "create_external_schema"];

/** The `seq`th decision. */
export function decision(seq, chance, { hostile = false, secondsAgo = 0 } = {}) {
  const [user, groups, application] = chance.pick(SMALL.users);
  const chain = chance.next() < 0.7 ? SMALL.chains[chance.below(2)] : chance.pick(SMALL.chains);
  const kind = KINDS[chance.next() < 0.6 ? 0 : chance.below(3)];
  const refused = chain.verdict === "refused" || chain.verdict === "undecided";
  const bad = (plain) => (hostile ? chance.pick(HOSTILE) : plain);
  const target = hostile ? `s3://${chance.pick(HOSTILE)}/x` : chain.target;
  const roles = hostile && chance.next() < 0.3 ? [chance.pick(HOSTILE)] : chain.roles;
  const statement = hostile ? `unload ('${chance.pick(HOSTILE)}') to '${target}' iam_role '${roles.join(",")}'`
    : kind === "copy" ? `copy venue from '${target}' iam_role '${roles.join(",")}'`
    : kind === "unload" ? `unload ('select * from venue limit 10')\nto '${target}'\niam_role '${roles.join(",")}'`
    : `create external schema spectrum from data catalog database 'dev' iam_role '${roles.join(",")}'`;
  return {
    id: `${seq.toString(16).padStart(12, "0")}-log`,
    seq,
    time: iso(secondsAgo),
    gate: "demo",
    session: 1 + (seq % 40),
    user: bad(user),
    database: bad("dev"),
    application: bad(application),
    client_address: "127.0.0.1",
    groups: hostile ? [chance.pick(HOSTILE)] : groups,
    kind,
    action: refused ? "reject" : chain.verdict === "would_be_refused" ? "annotate" : "forward",
    would_be: chain.verdict === "allowed" ? "forward" : "reject",
    mode: chain.verdict === "would_be_refused" ? "shadow" : "enforce",
    verdict: chain.verdict,
    codes: chain.code ? [chain.code] : [],
    rules: chain.code === "RG301" ? [{ id: bad("no-cross-account-unload"), effect: "forbid" }] : [{ id: "permit-all", effect: "permit" }],
    role_uses: [{ clause: "iam_role", method: "chain", roles, chain: roles.join(","), target }],
    statement: statement.slice(0, 300),
    is_cut: statement.length > 300,
    decision_seconds: 0.000_012 + chance.next() * 0.000_3,
    decision_path: chance.pick(["cached", "cold"]),
    outcome: null,
    full: statement,
  };
}

/** The record of a decision. */
export function record({ full, ...of }) {
  const [use] = of.role_uses;
  const literal = use.roles.join(",");
  const at = full.indexOf(literal);
  const refused = of.verdict !== "allowed";
  const ends = ["cluster demo", ...use.roles];
  const hops = use.roles.map((to, number) => {
    const isLast = number === use.roles.length - 1;
    const result = isLast && of.verdict === "undecided" ? "unknown" : isLast && of.codes[0]?.startsWith("RG20") ? "denied" : "allowed";
    return {
      role_use: 0,
      number,
      from: ends[number],
      to,
      result,
      message: result === "allowed" ? null : "the trust policy of the next role does not trust the one before",
      evidence: number === 0 ? ["attached to cluster demo, in-sync"] : ["permissions policy assume-company-b, statement CompanyB: Allow sts:AssumeRole", `trust policy of ${to}: principal ${ends[number]}${result === "allowed" ? "" : " is not named"}`],
      unseen: null,
      remedy: result === "allowed" ? null : `{\n  "Effect": "Allow",\n  "Principal": { "AWS": "${ends[number]}" },\n  "Action": "sts:AssumeRole"\n}`,
    };
  });
  return {
    ...of,
    login_user: of.user,
    cluster: "demo",
    backend_pid: 4_000 + (of.seq % 40),
    client_port: 50_000 + (of.seq % 40),
    tls_subject: null,
    exceptions: [],
    break_glass: null,
    nonce: of.action === "reject" ? "rolegate_refused_5f1c0a9be2d34477" : null,
    policy_version: "9c1f6b2e7a40",
    facts_version: "41aa07c3be19",
    facts_age_seconds: 412,
    fingerprint: "7d0c2a11f59e8b36",
    segments: at < 0 ? [{ text: full, role_use: null }] : [{ text: full.slice(0, at), role_use: null }, { text: literal, role_use: 0 }, { text: full.slice(at + literal.length), role_use: null }].filter((segment) => segment.text !== ""),
    truncated: false,
    hops,
    evidence_current: true,
    findings: refused ? [{ code: of.codes[0], title: "Not trusted", severity: "reject", message: "the trust policy of the next role does not trust the one before", detail: `hop 1: ${ends.at(-2)} to ${ends.at(-1)}`, hint: "let the owner of the role add this statement to its trust policy:\n{\"Effect\": \"Allow\"}", hop: 1, decided: of.verdict !== "undecided", lenience: of.verdict === "would_be_refused" ? "shadow" : null, lenient_by: null }] : [],
  };
}
