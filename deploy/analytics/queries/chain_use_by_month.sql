-- How often each chain was used in each month, for what, by how many users, and how often it was refused.
SELECT
  date_trunc('month', used_at) AS month, gate, chain, kind,
  SUM(CASE WHEN action <> 'reject' THEN statements ELSE 0 END) AS ran,
  SUM(CASE WHEN action = 'reject' THEN statements ELSE 0 END) AS refused,
  COUNT(DISTINCT username) AS users
FROM rolegate_role_uses
WHERE method = 'chain'
GROUP BY 1, 2, 3, 4
ORDER BY month, ran DESC, gate, chain, kind
