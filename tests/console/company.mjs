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

const GRAVEST = ["unused", "allowed", "undecided", "would_be_refused", "refused"];

/** The nodes and edges that a decision passes, as `[from, to, kind, verdict]`. */
function steps(decision) {
  const nodeOf = (arn) => {
    const [, , , , account, path] = arn.split(":");
    return { id: `role:${arn}`, kind: "role", name: (path ?? arn).replace("role/", ""), account: account ?? null, arn, known: true };
  };
  const found = [];
  for (const use of decision.role_uses) {
    let from = CLUSTER;
    use.roles.forEach((arn, place) => {
      const isLast = place === use.roles.length - 1;
      const to = nodeOf(arn);
      found.push([from, to, place === 0 ? "attachment" : "hop", isLast ? decision.verdict : "allowed"]);
      from = to;
    });
    const path = `${(use.target ?? "").split("/").slice(0, 4).join("/")}/`;
    found.push([from, { id: `bucket:${path}`, kind: "bucket", name: path, account: null, arn: null, known: null }, "reach", decision.verdict]);
  }
  for (const use of decision.stored_uses) {
    let from = { ...STORED, id: `stored:${use.object}`, name: use.object };
    use.roles.forEach((arn, place) => {
      const to = nodeOf(arn);
      found.push([from, to, place === 0 ? "stores" : "hop", decision.verdict]);
      from = to;
    });
  }
  return found;
}

const CLUSTER = { id: "cluster:demo", kind: "cluster", name: "demo", account: OWN, arn: null, known: true };
const STORED = { kind: "stored_object", account: null, arn: null, known: null, owner: "etl" };
const edgeId = (from, to, kind) => `${kind} ${from.id} -> ${to.id}`;

/** Whether a decision passes the node or the edge of this id. */
export function passes(decision, id) {
  return steps(decision).some(([from, to, kind]) => [from.id, to.id, edgeId(from, to, kind)].includes(id));
}

/** The graph of these decisions, with what is possible and stored where nobody used it. */
export function graphOf(decisions, { withUnused, withStored }) {
  const nodes = new Map();
  const edges = new Map();
  const link = (from, to, kind, verdict, decision) => {
    for (const node of [from, to]) if (!nodes.has(node.id)) nodes.set(node.id, { owner: null, uses: 0, first_seen: null, last_seen: null, ...node });
    const id = edgeId(from, to, kind);
    const edge = edges.get(id) ?? { id, from: from.id, to: to.id, kind, verdict: "unused", counts: { allowed: 0, would_be_refused: 0, refused: 0, undecided: 0 }, uses: 0, first_seen: null, last_seen: null, users: [], users_left_out: 0, codes: [], doubt: null };
    edges.set(id, edge);
    if (GRAVEST.indexOf(verdict) > GRAVEST.indexOf(edge.verdict)) edge.verdict = verdict;
    if (!decision) return;
    edge.counts[verdict] += 1;
    for (const one of [edge, nodes.get(from.id), nodes.get(to.id)]) {
      one.uses += 1;
      one.first_seen ??= decision.time;
      one.last_seen = decision.time;
    }
    const user = edge.users.find((one) => one.name === decision.user);
    if (user) user.uses += 1;
    else edge.users.push({ name: decision.user, uses: 1 });
    if (verdict !== "allowed") edge.codes = [...new Set([...edge.codes, ...decision.codes])];
  };
  for (const decision of decisions) for (const [from, to, kind, verdict] of steps(decision)) link(from, to, kind, verdict, decision);
  const roleA = steps({ role_uses: [{ roles: [role(OWN, "RoleA")], target: "" }], stored_uses: [] })[0][1];
  if (withStored) link({ ...STORED, id: "stored:spectrum", name: "spectrum" }, roleA, "stores", "unused");
  if (withUnused) link(roleA, { id: `role:${role(B, "Backup")}`, kind: "role", name: "Backup", account: B, arn: role(B, "Backup"), known: true }, "hop", "unused");
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

export function iso(secondsAgo) {
  return new Date(Date.now() - secondsAgo * 1000).toISOString().replace("Z", "000Z");
}

const KINDS = ["unload", "copy", "create_external_schema"];

const STORED_USE = { via: "view", object: "spectrum", through: ["public.sales"], method: "chain", roles: SMALL.chains[1].roles, chain: SMALL.chains[1].roles.join(","), certain: true };

/** The `seq`th decision. */
export function decision(seq, chance, { secondsAgo = 0 } = {}) {
  const [user, groups, application] = chance.pick(SMALL.users);
  const chain = chance.next() < 0.7 ? SMALL.chains[chance.below(2)] : chance.pick(SMALL.chains);
  const isStored = seq % 23 === 5;
  const kind = isStored ? "query" : KINDS[chance.next() < 0.6 ? 0 : chance.below(3)];
  const { roles, target } = chain;
  const literal = roles.join(",");
  const statement = isStored ? "select count(*) from sales"
    : kind === "copy" ? `copy venue from '${target}' iam_role '${literal}'`
    : kind === "unload" ? `unload ('select * from venue limit 10')\nto '${target}'\niam_role '${literal}'`
    : `create external schema spectrum from data catalog database 'dev' iam_role '${literal}'`;
  const verdict = isStored ? "allowed" : chain.verdict;
  const code = isStored ? undefined : chain.code;
  const [action, would_be] = { allowed: ["forward", "forward"], undecided: ["annotate", "annotate"], would_be_refused: ["annotate", "reject"], refused: ["reject", "reject"] }[verdict];
  return {
    id: `${seq.toString(16).padStart(12, "0")}-log`,
    seq,
    time: iso(secondsAgo),
    gate: "demo",
    session: 1 + (seq % 40),
    user,
    database: "dev",
    application,
    client_address: "127.0.0.1",
    groups,
    kind,
    action,
    would_be,
    mode: verdict === "would_be_refused" ? "shadow" : "enforce",
    verdict,
    codes: code ? [code] : [],
    rules: code === "RG301" ? [{ id: "no-cross-account-unload", effect: "forbid" }] : [{ id: "permit-all", effect: "permit" }],
    role_uses: isStored ? [] : [{ clause: "iam_role", method: "chain", roles, chain: literal, target }],
    stored_uses: isStored ? [STORED_USE] : [],
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
  const use = of.role_uses[0] ?? { roles: [] };
  const literal = use.roles.join(",");
  const at = literal === "" ? -1 : full.indexOf(literal);
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
