//! The labelled statements.

/// A statement and what it uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// How the session resolves names; nothing said: as at its start.
    pub(crate) session: &'static str,
    pub(crate) text: &'static str,
    /// What is told: `via object`, with `?` where that is not certain.
    pub(crate) uses: &'static [&'static str],
    /// What the server uses, where it is something else.
    pub(crate) truth: Option<&'static [&'static str]>,
    /// The words of `docs/limits.md` on what is missed.
    pub(crate) limit: &'static str,
}

const fn row(text: &'static str, uses: &'static [&'static str]) -> Row {
    Row { session: "", text, uses, truth: None, limit: "" }
}

const fn when(session: &'static str, text: &'static str, uses: &'static [&'static str]) -> Row {
    Row { session, text, uses, truth: None, limit: "" }
}

/// More is told than the server uses.
const fn over(text: &'static str, uses: &'static [&'static str], truth: &'static [&'static str]) -> Row {
    Row { session: "", text, uses, truth: Some(truth), limit: "" }
}

/// Less is told.
const fn miss(text: &'static str, truth: &'static [&'static str], limit: &'static str) -> Row {
    Row { session: "", text, uses: &[], truth: Some(truth), limit }
}

const A: &[&str] = &["schema dev.spectrum"];
const PERHAPS_A: &[&str] = &["schema dev.spectrum?"];
const B: &[&str] = &["schema dev.\"Lake\""];
const PERHAPS_B: &[&str] = &["schema dev.\"Lake\"?"];
const S: &[&str] = &["schema sales.spectrum"];
const VIEW: &[&str] = &["view dev.spectrum"];
const PERHAPS_VIEW: &[&str] = &["view dev.spectrum?"];
const MASK: &[&str] = &["function dev.public.mask"];
const NONE: &[&str] = &[];

pub(crate) const ROWS: &[Row] = &[
    // Names of tables.
    row("select * from spectrum.sales", A),
    row("SELECT * FROM Spectrum.Sales", A),
    row("select * from dev.spectrum.sales", A),
    row("select * from sales.spectrum.orders", S),
    row("select * from \"spectrum\".\"sales\"", A),
    row("select * from \"spectrum\".sales s where s.\"Spectrum.x\" = 1", A),
    row("select * from \"Spectrum\".sales", PERHAPS_A),
    row("select * from lake.t", B),
    row("select * from \"Lake\".t", PERHAPS_B),
    row("select * from \"odd \"\"one\"\"\".t", &["schema dev.\"odd \"\"one\"\"\""]),
    row("select * from größe.t", &["schema dev.größe"]),
    row("select * from GRÖßE.t", NONE),
    row("select * from spectrum . sales", A),
    row("select * from spectrum/* the */./* table */sales", A),
    row("select * from spectrum -- the\n . -- table\n sales", A),
    row("select *\n  from\n    spectrum\n    .\n    sales\n", A),
    row("select * from dev@awsdatacatalog.spectrum.sales", &["schema dev@awsdatacatalog.spectrum.sales?"]),
    row("select * from only_one.t, spectrums.t, my_spectrum.t", NONE),
    row("select * from spectrum.sales, \"Lake\".t x", &["schema dev.spectrum", "schema dev.\"Lake\"?"]),
    row("select * from spectrum.sales as s, s.items as i", A),
    row("select s.items[0].name from spectrum.sales s", A),
    row("table spectrum.sales", A),
    row("select 1;; select * from spectrum.sales;", A),
    // What only looks like a use.
    row("select 1", NONE),
    row("select 'spectrum.sales'", NONE),
    row("select * from t where a = 'from spectrum.sales'", NONE),
    row("select $$select * from spectrum.sales$$", NONE),
    row("select 1 -- from spectrum.sales", NONE),
    row("select 1 /* from spectrum.sales /* nested */ spectrum.t */", NONE),
    row("select spectrum from t", NONE),
    row("select spectrum.a from t spectrum", NONE),
    row(
        "select spectrum.a, spectrum.b from local.t as spectrum where spectrum.a > 1 group by spectrum.a, spectrum.b",
        NONE,
    ),
    row("select spectrum.* from t spectrum", NONE),
    row("select count(spectrum.a) filter_a from t spectrum having max(spectrum.a) > 1 order by spectrum.a", NONE),
    row("select * from t spectrum join u on spectrum.id = u.id", NONE),
    row("select case when spectrum.a is null then 0 else spectrum.a end from t spectrum", NONE),
    row("select extract(year from spectrum.day) from t spectrum", NONE),
    row("select sum(spectrum.a) over (partition by spectrum.b order by spectrum.c) from t spectrum", NONE),
    row("update t set a = spectrum.a from u spectrum where t.id = spectrum.id", NONE),
    row("delete from t using u spectrum where t.id = spectrum.id", NONE),
    row("insert into t (spectrum) values (1)", NONE),
    row("with spectrum as (select 1 as a) select spectrum.a from spectrum", NONE),
    row("create temp table spectrum (a int)", NONE),
    row("select spectrum.a from spectrum", NONE),
    row("select a as sales_view, b as mask from t", NONE),
    row("select sales_view.a from t sales_view", NONE),
    row("select t.sales_view, t.mask from t", NONE),
    row("set application_name to 'spectrum.sales'", NONE),
    row("set datestyle to iso", NONE),
    row("select \"spectrum.sales\" from t", NONE),
    row("select * from \"spectrum.sales\"", NONE),
    over("select i.a from public.t spectrum, spectrum.items i", PERHAPS_A, NONE),
    // Joins, subqueries, set operations.
    row("select * from t join spectrum.sales s on t.id = s.id", A),
    row("select * from t left outer join spectrum.sales using (id)", A),
    row("select * from t cross join spectrum.sales", A),
    row("select * from (t join spectrum.sales s on t.id = s.id)", A),
    row("select * from t natural join spectrum.sales", A),
    row("select * from (select * from spectrum.sales) q", A),
    row("select * from t where id in (select id from spectrum.sales)", A),
    row("select * from t where exists (select 1 from spectrum.sales s where s.id = t.id)", A),
    row("select (select max(a) from spectrum.sales) from t", A),
    row("select a from t union all select a from spectrum.sales", A),
    row("select a from spectrum.sales except select a from t", A),
    row("select a from t intersect (select a from spectrum.sales)", A),
    row("select a from t minus select a from spectrum.sales", A),
    row("(select a from spectrum.sales) union (select a from t)", A),
    row("select spectrum.a from spectrum.sales spectrum", A),
    row("select case when (select count(*) from spectrum.sales) > 1 then 1 end", A),
    row("select top 10 * from spectrum.sales order by 1", A),
    row("select listagg(a, ',') within group (order by a) from spectrum.sales", A),
    row(
        "select a::varchar(10), b::date from spectrum.sales where a ~ 'x' and b between '2024-01-01' and '2024-02-01'",
        A,
    ),
    row("select dateadd(day, -1, d) from spectrum.sales where d > getdate() - interval '1 day'", A),
    row("select * from spectrum.sales pivot (sum(a) for m in ('x', 'y'))", A),
    row("select approximate count(distinct a) from spectrum.sales", PERHAPS_A),
    row(
        "select * from t qualify row_number() over (partition by a order by b) = 1 and a in (select a from spectrum.sales)",
        A,
    ),
    // CTEs.
    row("with q as (select * from spectrum.sales) select * from q", A),
    row("with q as (select 1), r as (select * from q join spectrum.sales on true) select * from r", A),
    row("with sales_view as (select 1 as a) select * from sales_view", NONE),
    row("with sales_view as (select * from sales_view) select * from sales_view", VIEW),
    row("with q as (select * from sales_view), sales_view as (select 1) select * from q, sales_view", VIEW),
    row(
        "with recursive sales_view(n) as (select 1 union all select n + 1 from sales_view) select * from sales_view",
        NONE,
    ),
    row("select * from (with sales_view as (select 1) select * from sales_view) q", NONE),
    row("select * from (with sales_view as (select 1) select * from sales_view) q, sales_view", VIEW),
    row("with q as (select 1) select * from q, public.sales_view", VIEW),
    // Views.
    row("select * from sales_view", VIEW),
    row("select * from public.sales_view", VIEW),
    row("select * from dev.public.sales_view v", VIEW),
    row("select * from \"sales_view\"", VIEW),
    row("select * from view_of_view", VIEW),
    row("select * from t, sales_view v where t.a = v.a", VIEW),
    row("select * from etl.masked", &["view dev.public.mask"]),
    row("select * from masked", &["view dev.public.mask?"]),
    when("path etl", "select * from masked", &["view dev.public.mask"]),
    when("path etl", "select * from sales_view", NONE),
    row("select * from local.sales_view", NONE),
    row("select * from sales_views, my_sales_view", NONE),
    row("table sales_view", VIEW),
    row("refresh materialized view sales_view", VIEW),
    row("drop view sales_view", NONE),
    row("grant select on sales_view to bob", NONE),
    row("comment on view sales_view is 'from spectrum.sales'", NONE),
    // Temporary tables.
    when("temporary", "select * from sales_view", PERHAPS_VIEW),
    when("temporary", "select * from public.sales_view", VIEW),
    row("create temp table sales_view (a int)", NONE),
    row("create temporary table if not exists sales_view as select * from spectrum.sales", A),
    row("select * into temp sales_view from spectrum.sales", A),
    row("select a from #spectrum", NONE),
    // Functions, models, procedures, jobs.
    row("select mask(a) from t", MASK),
    row("select public.mask(a) from t", MASK),
    row("select MASK(a), \"mask\"(b) from t", MASK),
    row("select upper(mask(trim(a))) from t", MASK),
    row("select * from t where mask(a) = 'x'", MASK),
    row("select a from t group by 1 having max(mask(a)) > 'x' order by mask(a)", MASK),
    row("update t set a = mask(b)", MASK),
    row("insert into t values (mask('x'))", MASK),
    row("select score(1)", &["function dev.etl.score?"]),
    row("select etl.score(1)", &["function dev.etl.score"]),
    when("path etl", "select score(1)", &["function dev.etl.score"]),
    when("path public", "select score(1)", NONE),
    row("select other.mask(a) from t", NONE),
    row("select predict_churn(a, b) from t", &["model dev.public.churn"]),
    row("select churn from t", NONE),
    row("call load()", &["procedure dev.spectrum"]),
    row("call public.load()", &["procedure dev.spectrum"]),
    row("call other.load()", NONE),
    row("call store(mask('x'))", MASK),
    row("copy job run nightly", &["job nightly"]),
    // Changes.
    row("insert into t select * from spectrum.sales", A),
    row("insert into t (a, b) (select a, b from spectrum.sales)", A),
    row("insert into spectrum.sales select * from t", A),
    row("insert into spectrum.sales values (1, 'x')", A),
    row("update t set a = s.a from spectrum.sales s where t.id = s.id", A),
    row("update t set a = (select max(a) from spectrum.sales)", A),
    row("delete from t using spectrum.sales s where t.id = s.id", A),
    row("delete t using spectrum.sales s where t.id = s.id", A),
    row("delete from t where id in (select id from spectrum.sales)", A),
    row(
        "merge into t using spectrum.sales s on t.id = s.id when matched then update set a = s.a when not matched then insert values (s.id, s.a)",
        A,
    ),
    row("merge into t using spectrum.sales s on t.id = s.id remove duplicates", A),
    // What makes and describes.
    row("create table t as select * from spectrum.sales", A),
    row("create table t diststyle key distkey (a) sortkey (b) as select a, b from spectrum.sales", A),
    row("create temp table t as (select * from spectrum.sales)", A),
    row("create view v as select * from spectrum.sales with no schema binding", A),
    row("create or replace view sales_view as select * from \"Lake\".t with no schema binding", PERHAPS_B),
    row("create materialized view m auto refresh yes as select * from spectrum.sales", A),
    row("create external table spectrum.n (a int) stored as parquet location 's3://b/p'", A),
    row("create external table spectrum.n stored as parquet location 's3://b/p' as select * from t", A),
    row("alter table spectrum.sales add partition (d = 'x') location 's3://b/p'", A),
    row("drop table spectrum.sales", A),
    row("alter table t append from spectrum.sales", A),
    row("analyze spectrum.sales", A),
    row("show columns from table dev.spectrum.sales", A),
    row("grant usage on schema spectrum to bob", NONE),
    row(
        "create procedure p() as $$ begin insert into t select * from spectrum.sales; end $$ language plpgsql",
        PERHAPS_A,
    ),
    row("create procedure p() as $$ begin execute 'select * from spectrum.sales'; end $$ language plpgsql", PERHAPS_A),
    row(
        "create procedure p() as $$ begin execute 'select * from ' || x; call load(); end $$ language plpgsql",
        &["procedure dev.spectrum?"],
    ),
    // Carriers that read.
    row("unload ('select * from spectrum.sales') to 's3://b/p' iam_role default", A),
    row("unload ('select a from t where a = ''spectrum.sales''') to 's3://b/p' iam_role default", NONE),
    row(
        "unload ($$select mask(a) from spectrum.sales$$) to 's3://b/p' iam_role default",
        &["schema dev.spectrum", "function dev.public.mask"],
    ),
    row("unload (select * from sales_view) to 's3://b/p' iam_role default", VIEW),
    row("copy t from 's3://spectrum.sales/p' iam_role default", NONE),
    // What runs later, or is explained.
    row("explain select * from spectrum.sales", A),
    row("explain analyze verbose select * from sales_view", VIEW),
    row("prepare q as select * from spectrum.sales where a = $1", A),
    row("prepare q (int, text) as insert into t select * from sales_view", VIEW),
    row("prepare sales_view as select 1", NONE),
    row("execute sales_view", NONE),
    row("execute q(mask('x'))", MASK),
    row("declare c cursor for select * from spectrum.sales", A),
    row("declare sales_view cursor for select 1", NONE),
    row("fetch all from sales_view", NONE),
    // What the session says.
    when("used sales", "select * from spectrum.orders", S),
    when("used sales", "select * from dev.spectrum.sales", A),
    when("perhaps sales", "select * from spectrum.orders", &["schema dev.spectrum?", "schema sales.spectrum?"]),
    when("used elsewhere", "select * from spectrum.t", &["schema elsewhere.spectrum.t?"]),
    when("cased", "select * from \"Lake\".t", B),
    when("cased", "select * from \"lake\".t", NONE),
    when("cased", "select * from \"Spectrum\".sales", NONE),
    when("cased", "select * from SPECTRUM.sales", A),
    when("folded", "select * from \"SPECTRUM\".sales", A),
    when("folded", "select * from \"Lake\".t", B),
    // What is not parsed.
    row("frobnicate spectrum.sales", PERHAPS_A),
    row("select a from spectrum.sales where a @@@ 'x'", A),
    over("frobnicate spectrum.a", PERHAPS_A, NONE),
    over("select spectrum.a from t spectrum where approximate count", PERHAPS_A, NONE),
    // What is missed.
    miss("drop schema spectrum drop external database", A, "DROP EXTERNAL DATABASE"),
    miss("select * from svv_external_tables where schemaname = 'spectrum'", A, "svv_external_tables"),
    miss("execute q", A, "SQL's own PREPARE"),
];
