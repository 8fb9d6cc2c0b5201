select 1;

/* {"app": "dbt", "dbt_version": "1.8.0", "node_id": "model.shop.unload_daily"} */ create table "dev"."public"."daily__dbt_tmp" diststyle key distkey (dateid) compound sortkey (dateid) as (select dateid, sum(pricepaid) as paid from sales group by 1);

select eventname, total_price from (select eventid, total_price, ntile(1000) over (order by total_price desc) as percentile from (select eventid, sum(pricepaid) total_price from sales group by eventid)) q, event e where q.eventid = e.eventid and percentile = 1 order by total_price desc;

select firstname, lastname, total_quantity from (select buyerid, sum(qtysold) total_quantity from sales group by buyerid order by total_quantity desc limit 10) q, users where q.buyerid = userid order by q.total_quantity desc;

select caldate, week, holiday from date where caldate between '2008-01-01' and '2008-12-31' and holiday = true order by caldate;

select venuename, venuecity || ', ' || venuestate as place from venue where venuename like '%Copy\\_That%' escape '\\' or venuename = 'Unload; Copy t from ''s3://b/k''';

with recursive subordinates(id, manager_id, level) as (select id, manager_id, 1 from employee where manager_id is null union all select e.id, e.manager_id, level + 1 from employee e join subordinates s on e.manager_id = s.id) select * from subordinates;

select * from (select qtr, pricepaid from sales natural join date) pivot (sum(pricepaid) for qtr in ('1', '2', '3', '4'));

select c.c_name, o.o_totalprice from customer_orders c, c.c_orders o where c.c_custkey = 9 and o.o_orderstatus[0] = 'P';

select listid, sellerid, numtickets, row_number() over (partition by sellerid order by listtime) as n from listing qualify n = 1;

select approximate count(distinct pricepaid) from sales where saletime >= dateadd(day, -7, getdate()) and saletime < trunc(sysdate);

merge into target using source on target.id = source.id when matched then update set id = source.id, name = source.name when not matched then insert values (source.id, source.name);

insert into category (catgroup, catname, catdesc) values ('Copy', 'unload to s3', 'iam_role of the cast'), ('C', E'a\'b', 'x');

update stage.roles set iam_role = 'none', credentials = null where template is distinct from 'library';

delete from sales using listing where sales.listid = listing.listid and listing.numtickets < 0;

create temp table copy_of_sales (like sales including defaults);

create or replace view unload_candidates as select * from pg_catalog.svv_table_info where "size" > 1000 with no schema binding;

create materialized view mv_sales auto refresh yes as select eventid, sum(pricepaid) from sales group by eventid;

create or replace function f_greater(float, float) returns float stable as $$ select case when $1 > $2 then $1 else $2 end $$ language sql;

create or replace function f_py(a int) returns int immutable as $py$
# a comment with an apostrophe's mark
return a if a > 0 else -a
$py$ language plpythonu;

create or replace procedure refresh_daily(d date) as $$
declare
    n int;
begin
    -- it's only a count; no data leaves
    select count(*) into n from sales where saletime::date = d;
    if n > 0 then
        delete from daily where dateid = d;
        insert into daily select d, sum(pricepaid) from sales where saletime::date = d;
    else
        raise info 'nothing sold on %', d;
    end if;
exception when others then
    raise notice 'failed: %', sqlerrm;
end;
$$ language plpgsql;

call refresh_daily('2008-06-01');

declare c cursor for select * from users;

fetch forward 1000 from c;

close c;

prepare by_city (varchar) as select * from users where city = $1;

execute by_city('Kenosha');

deallocate by_city;

set query_group to 'etl';

set search_path to '$user', public, spectrum;

set statement_timeout to 60000;

show search_path;

show tables from schema dev.public;

show external tables;

begin read only; select 1; select 2; commit;

lock table sales;

vacuum delete only sales to 75 percent;

analyze compression listing;

explain select * from sales join event using (eventid);

alter table sales append from sales_staging ignoreextra;

alter table sales alter sortkey (dateid), add column discount decimal(8, 2) encode az64 default 0.00;

alter external table spectrum.sales add if not exists partition (saledate = '2008-01-01') location 's3://awssampledb/tickit/spectrum/sales/saledate=2008-01/';

create external table spectrum.sales (salesid int, pricepaid decimal(8, 2)) partitioned by (saledate char(10)) row format delimited fields terminated by '\t' stored as textfile location 's3://awssampledb/tickit/spectrum/sales/' table properties ('numRows' = '172000');

create datashare salesshare set publicaccessible false;

grant usage on datashare salesshare to account '210987654321';

create role sample_role;

grant role sample_role to reguser;

grant select on all tables in schema public to group analysts;

create user etl password disable createuser in group loaders valid until '2030-01-01' session timeout 3600;

alter user etl set search_path to stage;

create schema if not exists copy authorization etl quota 50 gb;

create database tickit with owner etl connection limit 20 collate case_insensitive;

comment on table sales is 'copy sales from ''s3://bucket'' iam_role ''arn:aws:iam::123456789012:role/RoleA''';

select pg_backend_pid(), current_setting('client_encoding'), pg_last_copy_id(), pg_last_copy_count();

select t.oid, n.nspname as "schema", t.relname as "name" from pg_catalog.pg_class t join pg_catalog.pg_namespace n on n.oid = t.relnamespace where t.relkind in ('r', 'v') and n.nspname !~ '^pg_' order by 1;

select * from stl_load_errors where filename like 's3://%' order by starttime desc limit 10;

select json_extract_path_text('{"credentials": {"aws_iam_role": "arn:aws:iam::123456789012:role/RoleA"}}', 'credentials', 'aws_iam_role');

cancel 802 'Long-running query';
