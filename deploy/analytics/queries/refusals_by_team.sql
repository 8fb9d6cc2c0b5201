-- Which team (from the table of teams, else the groups of the database) is refused what: statements by team and code, the users behind them, and when it last happened.
SELECT
  COALESCE(t.team, NULLIF(f.user_groups, ''), 'no team') AS team, f.code,
  SUM(f.statements) AS refused, COUNT(DISTINCT f.username) AS users, MAX(f.found_at) AS last_refused
FROM (
  SELECT DISTINCT id, code, username, user_groups, statements, found_at
  FROM rolegate_findings
  WHERE action = 'reject' AND severity = 'reject'
) AS f
LEFT JOIN rolegate_teams AS t ON t.username = f.username
GROUP BY 1, 2
ORDER BY refused DESC, team, code
