-- The audit of all replicas as a table of Amazon Athena, and the views that queries/ ask. Put your bucket in the place of s3://example-audit, and
-- the day of your first record in the place of 2026-01-01. Files lie by day and replica: s3://example-audit/rolegate/day=2026-11-28/<replica>/….jsonl.gz

CREATE EXTERNAL TABLE IF NOT EXISTS rolegate_audit (
  v int,
  log string,
  seq bigint,
  id string,
  `time` string,
  event string,
  host string,
  instance string,
  gate string,
  cluster string,
  session bigint,
  backend_pid string,
  `user` string,
  login_user string,
  `database` string,
  application string,
  client_address string,
  client_port int,
  gate_address string,
  gate_port int,
  tls_subject string,
  groups array<string>,
  kind string,
  would_be string,
  action string,
  mode string,
  exceptions array<string>,
  break_glass string,
  nonce string,
  sqlstate string,
  policy_version string,
  facts_version string,
  facts_age_seconds bigint,
  decision_path string,
  decision_seconds double,
  role_uses array<struct<clause:string, method:string, roles:array<string>, target:string>>,
  stored_uses array<struct<via:string, object:string, through:array<string>, method:string, roles:array<string>, certain:boolean>>,
  hops array<struct<source:string, target:string, result:string>>,
  rules array<struct<id:string, effect:string>>,
  findings array<struct<code:string, severity:string, message:string, detail:string, hint:string, hop:int, lenience:string, lenient_by:string>>,
  statement string,
  truncated boolean,
  fingerprint string,
  `of` string,
  outcome string,
  `rows` bigint,
  error string,
  seconds double,
  login string,
  reason string,
  judged bigint,
  refused bigint,
  `count` bigint,
  since string,
  lost bigint,
  ran_at string,
  target string,
  result string,
  why string,
  change string,
  name string,
  owner string,
  `after` array<string>,
  version string,
  pid bigint,
  gates array<string>,
  log_is string,
  detail string
)
PARTITIONED BY (day string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://example-audit/rolegate/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy-MM-dd',
  'projection.day.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://example-audit/rolegate/day=${day}/'
);

-- Which team a database user belongs to, where groups do not say: lines of "user,team".
CREATE EXTERNAL TABLE IF NOT EXISTS rolegate_teams (username string, team string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://example-audit/teams/';

-- What the facts allow, of all gates: README.md says how the file is made.
CREATE EXTERNAL TABLE IF NOT EXISTS rolegate_grants (gate string, source string, target string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://example-audit/grants/';

-- One row for each credential clause of a judged statement; statements says how many a folded record stands for.
CREATE OR REPLACE VIEW rolegate_role_uses AS
SELECT
  a.id, a.day, CAST(from_iso8601_timestamp(a."time") AS timestamp) AS used_at, a.gate, a."user" AS username,
  array_join(a.groups, ' ') AS user_groups, a.login_user, a."database" AS database_name, a.application, a.client_address, a.kind, a.would_be, a.action, a.mode, u.method,
  array_join(u.roles, '>') AS chain, u.target, COALESCE(a."count", 1) AS statements
FROM rolegate_audit a
CROSS JOIN UNNEST(a.role_uses) AS u (clause, method, roles, target)
WHERE a.event IN ('verdict', 'folded', 'break_glass');

-- One row for each step of a chain that was let through: from the cluster to the first role, and from each role to the next.
CREATE OR REPLACE VIEW rolegate_steps AS
SELECT
  a.id, a.day, CAST(from_iso8601_timestamp(a."time") AS timestamp) AS used_at, a.gate, a."user" AS username,
  CASE WHEN r.n = 1 THEN 'cluster' ELSE element_at(c.roles, CAST(r.n AS integer) - 1) END AS source, r.role AS target
FROM rolegate_audit a
CROSS JOIN UNNEST(
  COALESCE(transform(a.role_uses, u -> u.roles), ARRAY[]) || COALESCE(transform(a.stored_uses, s -> s.roles), ARRAY[])
) AS c (roles)
CROSS JOIN UNNEST(c.roles) WITH ORDINALITY AS r (role, n)
WHERE a.event IN ('verdict', 'break_glass') AND a.action <> 'reject';

-- One row for each finding.
CREATE OR REPLACE VIEW rolegate_findings AS
SELECT
  a.id, a.day, CAST(from_iso8601_timestamp(a."time") AS timestamp) AS found_at, a.gate, a."user" AS username,
  array_join(a.groups, ' ') AS user_groups, a.application, a.kind, a.would_be, a.action, a.mode, f.code, f.severity, f.message, f.hint, a.statement, COALESCE(a."count", 1) AS statements
FROM rolegate_audit a
CROSS JOIN UNNEST(a.findings) AS f (code, severity, message, detail, hint, hop, lenience, lenient_by)
WHERE a.event IN ('verdict', 'folded', 'break_glass');
