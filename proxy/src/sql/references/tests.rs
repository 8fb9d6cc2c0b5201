use super::*;
use crate::sql::known::NameCounts;

fn known() -> WatchedNames {
    let schema = NameCounts { before_dot: true, anywhere: false };
    let other = NameCounts { before_dot: false, anywhere: true };
    let names = [("spectrum", schema), ("lake", schema), ("v", other), ("f", other), ("p", other), ("j", other)];
    WatchedNames::new(names).unwrap()
}

/// The mentions of a text, as words.
fn mentions(text: &str) -> Vec<String> {
    let statements = names_used(text.as_bytes(), Dialect::Redshift, &known());
    let name = |mention: &Mention| {
        let parts: Vec<&str> = mention.parts.iter().map(|part| part.text.as_str()).collect();
        let doubt = if mention.is_exact { "" } else { "?" };
        format!("{:?}{doubt} {}", mention.named_as, parts.join(".")).to_lowercase()
    };
    statements.iter().flat_map(|statement| statement.mentions.iter().map(name)).collect()
}

/// (text, what it uses)
#[test]
fn the_tree_says_what_names_are() {
    let rows: &[(&str, &[&str])] = &[
        ("select * from spectrum.t", &["relation spectrum.t"]),
        ("select spectrum.a from t spectrum", &[]),
        ("select spectrum.* from t as spectrum", &[]),
        ("select 1 from t spectrum where spectrum.a = spectrum.b group by spectrum.a order by spectrum.b", &[]),
        ("select v, t.v, f from t v", &[]),
        ("select f(v) from t", &["function f"]),
        ("select v.a from v", &["relation v"]),
        ("with v as (select 1) select * from v", &[]),
        ("with v as (select * from v) select * from v", &["relation v"]),
        ("with recursive v as (select * from v) select * from v", &[]),
        ("with w as (select * from v), v as (select 1) select * from v, w", &["relation v"]),
        ("select * from (with v as (select 1) select * from v) x, v", &["relation v"]),
        ("select * from t where exists (select 1 from lake.u where lake.u.a = t.a)", &["relation lake.u"]),
        (
            "select a from t union all select a from spectrum.u except select a from v",
            &["relation spectrum.u", "relation v"],
        ),
        ("insert into t select * from spectrum.u", &["relation spectrum.u"]),
        ("insert into spectrum.u (v) values (1)", &["relation spectrum.u"]),
        ("update t set v = u.a from spectrum.u u where t.v = u.v", &["relation spectrum.u"]),
        ("delete from t using v where t.a = v.a", &["relation v"]),
        ("delete t using v where t.a = v.a", &["relation v"]),
        (
            "select * from dev.spectrum.t, dev@cat.spectrum.t",
            &["relation dev.spectrum.t", "relation dev@cat.spectrum.t"],
        ),
        ("select * from public.t spectrum, spectrum.items i", &["relation? spectrum.items"]),
        ("select * from f(1) x, lateral_t", &["function f"]),
        ("table spectrum.t", &["relation spectrum.t"]),
        ("select 1 union table v", &["relation v"]),
        ("with v as (select 1) table v", &[]),
        ("select extract(year from spectrum.day), trim(v from v.a) from t spectrum, t v", &[]),
        ("select 1; select * from v; select 2", &["relation v"]),
        ("explain verbose select * from v", &["relation v"]),
        ("prepare v as select * from spectrum.t", &["relation spectrum.t"]),
        ("declare v cursor for select * from spectrum.t", &["relation spectrum.t"]),
        ("create table spectrum2 as select * from v", &["relation v"]),
        ("create or replace view v as select * from lake.t with no schema binding", &["relation lake.t"]),
        ("create external table spectrum.n (v int) stored as parquet location 's3://b'", &["within spectrum.n"]),
        ("create temp table v (a int)", &[]),
        ("drop view v", &[]),
        ("drop table spectrum.t", &["within spectrum.t"]),
        ("grant select on v to bob", &[]),
        ("refresh materialized view v", &["relation v"]),
        ("call p(1, f(2))", &["procedure p", "function f"]),
        ("call public.p()", &["procedure public.p"]),
        ("execute v(1)", &[]),
        ("copy job run j", &["job j"]),
        ("unload ('select * from spectrum.t where a = ''v''') to 's3://b' iam_role default", &["relation spectrum.t"]),
        ("unload (select * from v) to 's3://b' iam_role default", &["relation v"]),
        ("select * into v from lake.t", &["relation lake.t"]),
        (
            "create procedure q() as $$ begin call p(); execute 'select * from spectrum.t'; end $$ language plpgsql",
            &["procedure? p", "any? spectrum.t"],
        ),
        ("frobnicate spectrum.t", &["any? spectrum.t"]),
        ("select a -> > b from spectrum.t", &["any? spectrum.t"]),
    ];
    let mut failed = Vec::new();
    for (text, want) in rows {
        let found = mentions(text);
        if found != *want {
            failed.push(format!("{text}\n  found {found:?}\n  want  {want:?}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn temporary_tables_are_told() {
    let names = known();
    let read = |text: &str| names_used(text.as_bytes(), Dialect::Redshift, &names).pop().unwrap_or_default();
    for text in [
        "create temp table v (a int)",
        "create local temporary table if not exists V as select 1",
        "select 1 into temp v",
        "select 1 as a into temporary table v from t",
    ] {
        assert_eq!(read(text).hides.first().map(|part| part.text.as_str()), Some("v"), "{text}");
    }
    assert!(read("create table v (a int)").hides.is_empty());
}

/// Trees that lean to one side, and such as are deep, are parsed or left, in time, and let go without a trace.
#[test]
fn deep_texts_are_held() {
    let wide = |part: &str, count: usize| format!("select 1{} from spectrum.t", part.repeat(count));
    let nested = |open: &str, count: usize, close: &str| {
        format!("select {}1{} from spectrum.t", open.repeat(count), close.repeat(count))
    };
    for text in [
        wide("+1", 4_000),
        wide("::int", 2_000),
        wide(" or a = 1", 2_000),
        wide("+1", 100_000),
        wide(" union all select 1", 2_000),
        nested("(", 4_000, ")"),
        nested("(", 100_000, ")"),
        nested("not ", 3_000, ""),
        nested("- ", 3_000, ""),
        nested("(select ", 1_000, ")"),
        nested("case when 1 = 1 then ", 900, " end"),
        format!("select * from {}spectrum.t{}", "(".repeat(60), ")".repeat(60)),
        format!("select * from {}spectrum.t{}", "(".repeat(1_500), ")".repeat(1_500)),
        format!("select * from spectrum.t {}", "join t on a = b ".repeat(1_000)),
        format!("select {} from spectrum.t", "f(".repeat(1_500) + &")".repeat(1_500)),
        format!("explain {} select * from spectrum.t", "explain ".repeat(3_000)),
        format!("{} select * from spectrum.t", "prepare v as ".repeat(2_000)),
    ] {
        let began = std::time::Instant::now();
        let found = mentions(&text);
        let is_found = found.iter().any(|mention| mention.ends_with("spectrum.t"));
        assert!(is_found, "{found:?}: {}", text.get(..60).unwrap_or(&text));
        assert!(began.elapsed().as_secs() < 20, "{:?}: {}", began.elapsed(), text.get(..60).unwrap_or(&text));
    }
}

#[test]
fn what_cannot_be_followed_is_told() {
    let names = known();
    let many: Vec<String> = (0..=MAX_MENTIONS).map(|number| format!("spectrum.t{number}")).collect();
    let many = format!("select * from {}", many.join(", "));
    let read = |text: &str| names_used(text.as_bytes(), Dialect::Redshift, &names);
    assert!(read(&many).first().is_some_and(|statement| statement.is_cut && statement.mentions.len() == MAX_MENTIONS));
    assert!(read("select 1 as #$x from spectrum.t").first().is_some_and(|statement| statement.is_cut));
    assert!(read("select * from spectrum.t where a = 'x").is_empty(), "no server runs it");
}
