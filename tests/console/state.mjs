// What the mock gate says of itself.

import { SMALL, iso } from "./company.mjs";

const inDays = (days) => iso(-days * 86_400);

export function status(mock) {
  const limits = [
    { name: "sessions", used: 4, limit: 2_000 },
    { name: "sessions_per_user", used: 170, limit: 200 },
    { name: "sessions_per_address", used: 2, limit: null },
    { name: "unauthenticated", used: 0, limit: 100 },
    { name: "cancels", used: 0, limit: 50 },
  ];
  const certificates = [
    { leg: "frontend", name: "gate.crt", not_after: inDays(61), days_left: 61, fault: null },
    { leg: "backend", name: "ca.crt", not_after: inDays(9), days_left: 9, fault: null },
    { leg: "backend", name: "old-ca.crt", not_after: null, days_left: null, fault: "no certificate is in it" },
  ];
  const gate = { name: "demo", cluster: "demo", listen: "127.0.0.1:5439", upstream: "127.0.0.1:5440", mode: "enforce", policy_version: "9c1f6b2e7a40", policy_changed_at: iso(3_100), rules: 3, sessions_open: 4, limits, certificates };
  const exception = { owner: "data platform", ticket: "DP-118", reason: "moves to its own cluster", users: ["finance"], groups: [], chains: [], codes: ["RG301"] };
  return {
    version: "0.0.0", commit: "4d31f1c", started_at: mock.startedAt, now: iso(0), ready: true, standing: "ready",
    checks: [{ name: "gates", fault: null }, { name: "audit", fault: null }, { name: "facts", fault: "account 345678901234 was last read 3 h ago" }],
    gates: [gate, { ...gate, name: "reports", cluster: "", mode: "shadow", listen: "127.0.0.1:5449", sessions_open: 0, certificates: [], limits: [] }],
    configuration: { applied_at: iso(3_100), fault: null, restart_pending: ["runtime.workers"] },
    audit: { records: true, failing: false, refuses: false, waiting: 0, lost: 0 },
    exceptions: [{ ...exception, id: "marketing-until-christmas", until: inDays(26), days_left: 26 }, { ...exception, id: "old-loader", owner: "finance", ticket: "FIN-7", reason: null, until: iso(86_400), days_left: null }],
    recent: { decisions: mock.held.length, bytes: 210_000, max_decisions: 10_000, max_bytes: 33_554_432, judged: mock.seq, since: mock.startedAt },
  };
}

export function sessions(query) {
  const states = ["active", "idle", "in_transaction", "starting"];
  const items = Array.from({ length: 7 }, (_, index) => {
    const [user, , application] = SMALL.users[index % SMALL.users.length];
    return { gate: "demo", session: index + 1, user, login_user: index === 2 ? "IAMR:finance" : user, database: "dev", application, client_address: "10.2.3.4", client_port: 50_000 + index, backend_pid: 4_000 + index, tls_subject: index === 3 ? "CN=finance" : null, since: iso(60 + index * 911), state: states[index % 4], judged: index * 13, refused: index % 3 };
  }).filter((one) => (!query.user || one.user === query.user) && (!query.state || one.state === query.state));
  return { items, total: items.length, next: null };
}

export function facts() {
  return {
    version: "41aa07c3be19",
    accounts: [
      { account: "123456789012", source: "file", roles: 14, captured_at: iso(412), age_seconds: 412 },
      { account: "345678901234", source: "aws", roles: 3, captured_at: iso(10_900), age_seconds: 10_900 },
    ],
    clusters: [{ name: "demo", account: "123456789012", region: "us-east-1", attached_roles: [SMALL.chains[0].roles[0]] }],
    fetches: [{ account: "345678901234", roles: 3, read_at: iso(10_900), age_seconds: 10_900, stale: true, failures: 4, last_error: "AccessDenied: iam:GetAccountAuthorizationDetails" }],
    catalogs: [{ gate: "demo", groups: 2, read_at: iso(41), last_error: null }],
  };
}

export function catalog() {
  const credential = { kind: "chain", roles: SMALL.chains[0].roles, note: null };
  return {
    available: true,
    reason: null,
    gates: [{
      gate: "demo", read_at: iso(41), last_error: null, version: "77aa", objects: 2, users: 6, groups: 2,
      views: [
        { view: "svv_external_schemas", database: "dev", rows: 1, gap: null },
        { view: "pg_proc_info", database: "dev", rows: 0, gap: "permission denied for relation pg_proc_info" },
      ],
      drift: [{ noticed_at: iso(3_600), change: "appeared", kind: "external_schema", name: "dev.spectrum", owner: "etl", before: [], after: [SMALL.chains[0].roles.join(",")] }],
    }],
    items: [
      { gate: "demo", kind: "external_schema", name: "spectrum", owner: "etl", grantees: ["group analysts"], credentials: [credential], target: "venues", detail: "data catalog", shown: true },
      { gate: "demo", kind: "external_function", name: "public.score", owner: null, grantees: null, credentials: [{ kind: "hidden", roles: [], note: "the cluster does not show it" }], target: null, detail: null, shown: false },
    ],
    total: 2,
    next: null,
  };
}

export function coverage() {
  const statement = { time: iso(300), user: "etl", client_address: "10.2.3.4", application: "nightly", session: "4711", kind: "unload", target: "s3://companyb/nightly_", statement: `unload ('select * from venue') to 's3://companyb/nightly_' iam_role '${SMALL.chains[0].roles.join(",")}'`, reason: "no_session" };
  const looked = { available: true, reason: null, looked_at: iso(20), since: iso(320), seen: 41, cannot_tell: 2, unseen: 1, statements: [statement], gaps: ["the connection log may not be read: sessions are told apart by process and time"], fault: null };
  return { gates: [{ gate: "demo", ...looked }, { gate: "reports", ...looked, available: false, reason: "nobody looks; set [gate.coverage]", looked_at: null, since: null, seen: 0, cannot_tell: 0, unseen: 0, statements: [], gaps: [] }] };
}

export function refusals(held, { by = "code", view = "refused", buckets = 24 }) {
  const KEYS = {
    code: (one) => one.codes,
    rule: (one) => one.rules.map((rule) => rule.id),
    chain: (one) => [...one.role_uses, ...one.stored_uses].map((use) => use.chain),
    user: (one) => [one.user],
    application: (one) => [one.application],
  };
  const wanted = held.filter((one) => (view === "refused" ? one.action === "reject" : one.verdict === "would_be_refused"));
  const since = held[0]?.time ?? null;
  const start = since === null ? 0 : Date.parse(since);
  const width = Math.max(1, (Date.now() - start) / Number(buckets));
  const groups = new Map();
  for (const one of wanted) {
    for (const key of KEYS[by](one)) {
      const group = groups.get(key) ?? { key, count: 0, first_seen: one.time, last_seen: one.time, trend: new Array(Number(buckets)).fill(0), users: new Set(), let_through: { shadow: 0, exception: 0, break_glass: 0 }, message: "the trust policy of the next role does not trust the one before", hint: "let the owner of the role trust the one before", example: one.id };
      group.count += 1;
      if (view === "would_be") group.let_through.shadow += 1;
      group.last_seen = one.time;
      group.users.add(one.user);
      group.trend[Math.min(Number(buckets) - 1, Math.floor((Date.parse(one.time) - start) / width))] += 1;
      group.example = one.id;
      groups.set(key, group);
    }
  }
  const list = [...groups.values()].map((group) => ({ ...group, users: group.users.size })).sort((a, b) => b.count - a.count);
  return { by, view, since, until: iso(0), bucket_seconds: width / 1000, total: wanted.length, left_out: 0, groups: list };
}
