-- What enforcement would break: statements that ran and would have been refused, by team, application and code.
SELECT
  COALESCE(t.team, NULLIF(f.user_groups, ''), 'no team') AS team, f.application, f.code, f.kind,
  SUM(f.statements) AS would_be_refused, COUNT(DISTINCT f.username) AS users,
  MIN(f.found_at) AS first_seen, MAX(f.found_at) AS last_seen, MIN(f.message) AS example
FROM (
  SELECT id, code, username, user_groups, application, kind, statements, found_at, MIN(message) AS message
  FROM rolegate_findings
  WHERE would_be = 'reject' AND action <> 'reject' AND severity = 'reject'
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
) AS f
LEFT JOIN rolegate_teams AS t ON t.username = f.username
GROUP BY 1, 2, 3, 4
ORDER BY would_be_refused DESC, team, application, code, kind
