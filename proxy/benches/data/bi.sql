/* {"dashboard": "sales by region", "tile": 4, "user": "analyst"} */
select date_trunc('month', "sales"."day") as "Month",
       "region"."name" as "Region",
       sum(case when "sales"."kind" = 'refund' then -1 * "sales"."amount" else "sales"."amount" end) as "Net amount",
       count(distinct "sales"."customer_id") as "Customers",
       avg(1.0 * "sales"."amount") as "Mean",
       max("sales"."amount") as "Most",
       min(case when "sales"."amount" > 0 then "sales"."amount" end) as "Least",
       sum(case when "sales"."amount" between 0 and 100 then 1 else 0 end) as "Small"
  from "public"."sales" as "sales"
  left join "public"."region" as "region" on "sales"."region_id" = "region"."id"
 where "sales"."day" >= '2024-01-01' and "sales"."day" < '2025-01-01'
   and "region"."name" in ('Northwest', 'Southeast', 'Midlands', 'O''Higgins', 'Provence', 'Bavaria')
   and ("sales"."note" is null or "sales"."note" not like '%test%')
 group by 1, 2
having sum("sales"."amount") > 0 -- nothing to draw otherwise
 order by 1, 3 desc
 limit 500
