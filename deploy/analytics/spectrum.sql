-- The audit of all replicas in Amazon Redshift, by Spectrum, and the views that queries/ ask. Put your bucket, role and region in the place of
-- the examples. Spectrum knows no partition projection, so each day is added (at the end of this file), by a scheduled query or by what ships the files.

CREATE EXTERNAL SCHEMA IF NOT EXISTS rolegate_lake FROM DATA CATALOG DATABASE 'rolegate_lake' REGION 'us-east-1'
IAM_ROLE 'arn:aws:iam::123456789012:role/AuditReader' CREATE EXTERNAL DATABASE IF NOT EXISTS;

CREATE EXTERNAL TABLE rolegate_lake.audit (
  v int,
  log varchar(16),
  seq bigint,
  id varchar(40),
  "time" varchar(32),
  event varchar(20),
  host varchar(256),
  instance varchar(16),
  gate varchar(128),
  cluster varchar(256),
  session bigint,
  backend_pid varchar(20),
  "user" varchar(128),
  login_user varchar(128),
  "database" varchar(128),
  application varchar(256),
  client_address varchar(64),
  client_port int,
  gate_address varchar(64),
  gate_port int,
  tls_subject varchar(1024),
  groups array<varchar(128)>,
  kind varchar(40),
  would_be varchar(10),
  action varchar(10),
  mode varchar(10),
  exceptions array<varchar(256)>,
  break_glass varchar(128),
  nonce varchar(64),
  sqlstate varchar(5),
  policy_version varchar(64),
  facts_version varchar(64),
  facts_age_seconds bigint,
  decision_path varchar(10),
  decision_seconds double precision,
  role_uses array<struct<clause:varchar(40), method:varchar(20), roles:array<varchar(256)>, target:varchar(2048)>>,
  stored_uses array<struct<via:varchar(20), object:varchar(512), through:array<varchar(256)>, method:varchar(20), roles:array<varchar(256)>, certain:boolean>>,
  hops array<struct<source:varchar(256), target:varchar(256), result:varchar(10)>>,
  rules array<struct<id:varchar(256), effect:varchar(10)>>,
  findings array<struct<code:varchar(8), severity:varchar(10), message:varchar(2048), detail:varchar(8192), hint:varchar(8192), hop:int, lenience:varchar(20), lenient_by:varchar(256)>>,
  statement varchar(65535),
  truncated boolean,
  fingerprint varchar(16),
  "of" varchar(40),
  outcome varchar(10),
  "rows" bigint,
  error varchar(8192),
  seconds double precision,
  login varchar(20),
  reason varchar(2048),
  judged bigint,
  refused bigint,
  "count" bigint,
  since varchar(32),
  lost bigint,
  ran_at varchar(32),
  target varchar(2048),
  result varchar(20),
  why varchar(20),
  change varchar(20),
  name varchar(1024),
  owner varchar(256),
  "after" array<varchar(2048)>,
  version varchar(20),
  pid bigint,
  gates array<varchar(256)>,
  log_is varchar(20),
  detail varchar(8192)
)
PARTITIONED BY (day varchar(10))
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
STORED AS TEXTFILE
LOCATION 's3://example-audit/rolegate/';

CREATE EXTERNAL TABLE rolegate_lake.teams (username varchar(128), team varchar(128))
ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' STORED AS TEXTFILE LOCATION 's3://example-audit/teams/';

CREATE EXTERNAL TABLE rolegate_lake.grants (gate varchar(128), source varchar(256), target varchar(256))
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' STORED AS TEXTFILE LOCATION 's3://example-audit/grants/';

CREATE VIEW rolegate_teams AS SELECT username, team FROM rolegate_lake.teams WITH NO SCHEMA BINDING;

CREATE VIEW rolegate_grants AS SELECT gate, source, target FROM rolegate_lake.grants WITH NO SCHEMA BINDING;

-- Lists in rows are read as text and parsed: each session that asks the views says
-- "SET json_serialization_enable TO true" first.
CREATE VIEW rolegate_judged AS
SELECT
  id, day, CAST("time" AS timestamp) AS at, event, gate, "user" AS username, replace(trim(both '[]"' FROM groups), '","', ' ') AS user_groups, login_user, "database" AS database_name,
  application, client_address, kind, would_be, action, mode, statement, COALESCE("count", 1) AS statements,
  json_parse(role_uses) AS role_uses, json_parse(stored_uses) AS stored_uses, json_parse(findings) AS findings
FROM rolegate_lake.audit
WHERE event IN ('verdict', 'folded', 'break_glass')
WITH NO SCHEMA BINDING;

CREATE VIEW rolegate_role_uses AS
SELECT
  a.id, a.day, a.at AS used_at, a.gate, a.username, a.user_groups, a.login_user, a.database_name, a.application, a.client_address, a.kind, a.would_be,
  a.action, a.mode, CAST(u.method AS varchar) AS method, replace(trim(both '[]"' FROM json_serialize(u.roles)), '","', '>') AS chain,
  CAST(u.target AS varchar) AS target, a.statements
FROM rolegate_judged a, a.role_uses u
WITH NO SCHEMA BINDING;

CREATE VIEW rolegate_steps AS
SELECT
  a.id, a.day, a.at AS used_at, a.gate, a.username,
  CASE WHEN n = 0 THEN 'cluster' ELSE CAST(u.roles[n - 1] AS varchar) END AS source, CAST(role AS varchar) AS target
FROM rolegate_judged a, a.role_uses u, u.roles AS role AT n
WHERE a.event IN ('verdict', 'break_glass') AND a.action <> 'reject'
UNION ALL
SELECT
  a.id, a.day, a.at AS used_at, a.gate, a.username,
  CASE WHEN n = 0 THEN 'cluster' ELSE CAST(u.roles[n - 1] AS varchar) END AS source, CAST(role AS varchar) AS target
FROM rolegate_judged a, a.stored_uses u, u.roles AS role AT n
WHERE a.event IN ('verdict', 'break_glass') AND a.action <> 'reject'
WITH NO SCHEMA BINDING;

CREATE VIEW rolegate_findings AS
SELECT
  a.id, a.day, a.at AS found_at, a.gate, a.username, a.user_groups, a.application, a.kind, a.would_be, a.action, a.mode, CAST(f.code AS varchar) AS code,
  CAST(f.severity AS varchar) AS severity, CAST(f.message AS varchar) AS message, CAST(f.hint AS varchar) AS hint, a.statement, a.statements
FROM rolegate_judged a, a.findings f
WITH NO SCHEMA BINDING;

ALTER TABLE rolegate_lake.audit ADD IF NOT EXISTS PARTITION (day = '2026-11-28') LOCATION 's3://example-audit/rolegate/day=2026-11-28/';
