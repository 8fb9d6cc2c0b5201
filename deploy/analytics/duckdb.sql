-- The audit of all replicas in DuckDB, for whoever has the files at hand, and the views that queries/ ask. Files lie below audit/ in the folder in
-- which DuckDB runs, as they do in the bucket: audit/day=2026-11-28/<replica>/….jsonl.gz

CREATE OR REPLACE VIEW rolegate_audit AS
SELECT * FROM read_json(
  'audit/day=*/*/*.jsonl*', format = 'newline_delimited', hive_partitioning = true, hive_types_autocast = false, maximum_object_size = 16777216,
  columns = {
    v: 'INTEGER', log: 'VARCHAR', seq: 'BIGINT', id: 'VARCHAR', "time": 'VARCHAR', event: 'VARCHAR', host: 'VARCHAR', instance: 'VARCHAR',
    gate: 'VARCHAR', cluster: 'VARCHAR', session: 'BIGINT', backend_pid: 'VARCHAR', "user": 'VARCHAR', login_user: 'VARCHAR', "database": 'VARCHAR',
    application: 'VARCHAR', client_address: 'VARCHAR', client_port: 'INTEGER', gate_address: 'VARCHAR', gate_port: 'INTEGER', tls_subject: 'VARCHAR',
    groups: 'VARCHAR[]', kind: 'VARCHAR', would_be: 'VARCHAR', action: 'VARCHAR', mode: 'VARCHAR', exceptions: 'VARCHAR[]', break_glass: 'VARCHAR',
    nonce: 'VARCHAR', sqlstate: 'VARCHAR', policy_version: 'VARCHAR', facts_version: 'VARCHAR', facts_age_seconds: 'BIGINT', decision_path: 'VARCHAR',
    decision_seconds: 'DOUBLE', role_uses: 'STRUCT(clause VARCHAR, method VARCHAR, roles VARCHAR[], target VARCHAR)[]',
    stored_uses: 'STRUCT(via VARCHAR, object VARCHAR, through VARCHAR[], method VARCHAR, roles VARCHAR[], certain BOOLEAN)[]',
    hops: 'STRUCT(source VARCHAR, target VARCHAR, result VARCHAR)[]', rules: 'STRUCT(id VARCHAR, effect VARCHAR)[]',
    findings: 'STRUCT(code VARCHAR, severity VARCHAR, message VARCHAR, detail VARCHAR, hint VARCHAR, hop INTEGER, lenience VARCHAR, lenient_by VARCHAR)[]',
    statement: 'VARCHAR', truncated: 'BOOLEAN', fingerprint: 'VARCHAR', "of": 'VARCHAR', outcome: 'VARCHAR', "rows": 'BIGINT', error: 'VARCHAR',
    seconds: 'DOUBLE', login: 'VARCHAR', reason: 'VARCHAR', judged: 'BIGINT', refused: 'BIGINT', "count": 'BIGINT', since: 'VARCHAR', lost: 'BIGINT',
    ran_at: 'VARCHAR', target: 'VARCHAR', result: 'VARCHAR', why: 'VARCHAR', change: 'VARCHAR', name: 'VARCHAR', owner: 'VARCHAR', "after": 'VARCHAR[]',
    version: 'VARCHAR', pid: 'BIGINT', gates: 'VARCHAR[]', log_is: 'VARCHAR', detail: 'VARCHAR'
  }
);

CREATE OR REPLACE VIEW rolegate_teams AS
SELECT * FROM read_csv('teams/*.csv', header = false, columns = { username: 'VARCHAR', team: 'VARCHAR' });

CREATE OR REPLACE VIEW rolegate_grants AS
SELECT * FROM read_json('grants/*.jsonl', format = 'newline_delimited', columns = { gate: 'VARCHAR', source: 'VARCHAR', target: 'VARCHAR' });

CREATE OR REPLACE VIEW rolegate_role_uses AS
SELECT
  a.id, a.day, CAST(a."time" AS TIMESTAMP) AS used_at, a.gate, a."user" AS username, array_to_string(a.groups, ' ') AS user_groups,
  a.login_user, a."database" AS database_name, a.application, a.client_address, a.kind, a.would_be, a.action, a.mode, u.method, array_to_string(u.roles, '>') AS chain, u.target,
  COALESCE(a."count", 1) AS statements
FROM rolegate_audit a, UNNEST(a.role_uses) AS t (u)
WHERE a.event IN ('verdict', 'folded', 'break_glass');

CREATE OR REPLACE VIEW rolegate_steps AS
SELECT
  a.id, a.day, CAST(a."time" AS TIMESTAMP) AS used_at, a.gate, a."user" AS username,
  CASE WHEN n = 1 THEN 'cluster' ELSE roles[n - 1] END AS source, roles[n] AS target
FROM rolegate_audit a,
  UNNEST(list_concat(list_transform(a.role_uses, lambda u: u.roles), list_transform(a.stored_uses, lambda s: s.roles))) AS t (roles),
  UNNEST(range(1, len(roles) + 1)) AS r (n)
WHERE a.event IN ('verdict', 'break_glass') AND a.action <> 'reject';

CREATE OR REPLACE VIEW rolegate_findings AS
SELECT
  a.id, a.day, CAST(a."time" AS TIMESTAMP) AS found_at, a.gate, a."user" AS username,
  array_to_string(a.groups, ' ') AS user_groups, a.application, a.kind, a.would_be, a.action, a.mode,
  f.code, f.severity, f.message, f.hint, a.statement, COALESCE(a."count", 1) AS statements
FROM rolegate_audit a, UNNEST(a.findings) AS t (f)
WHERE a.event IN ('verdict', 'folded', 'break_glass');
