-- When each chain was first let through, for whom, and when last: the newest chains come first.
SELECT gate, chain, used_at AS first_seen, username AS first_user, application AS first_application, last_seen, ran
FROM (
  SELECT
    gate, chain, used_at, username, application,
    MAX(used_at) OVER (PARTITION BY gate, chain) AS last_seen,
    SUM(statements) OVER (PARTITION BY gate, chain) AS ran,
    ROW_NUMBER() OVER (PARTITION BY gate, chain ORDER BY used_at, id) AS place
  FROM rolegate_role_uses
  WHERE method = 'chain' AND action <> 'reject'
) AS uses
WHERE place = 1
ORDER BY first_seen DESC, gate, chain
