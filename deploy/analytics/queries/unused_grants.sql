-- What IAM allows and no replica of any gate has let through for ninety days: attachments (from "cluster") and hops, those never used first.
SELECT g.gate, g.source, g.target, s.last_used
FROM rolegate_grants AS g
LEFT JOIN (
  SELECT gate, source, target, MAX(used_at) AS last_used FROM rolegate_steps GROUP BY gate, source, target
) AS s ON s.gate = g.gate AND s.source = g.source AND s.target = g.target
WHERE s.last_used IS NULL OR s.last_used < CURRENT_DATE - INTERVAL '90' DAY
ORDER BY CASE WHEN s.last_used IS NULL THEN 0 ELSE 1 END, s.last_used, g.gate, g.source, g.target
