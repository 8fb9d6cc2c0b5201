//! Reading an ordinary statement allocates nothing.

use rolegate::sql::{Dialect, Glance, NameCounts, Reading, WatchedNames, glance, read};

/// A dashboard's query of about 1 KB.
fn dashboard() -> String {
    let sums: Vec<_> = (0..20).map(|n| format!("sum(case when month = {n} then paid end) as \"m{n}\"")).collect();
    format!("select venue, {} from sales /* by venue */ where state = 'NY' group by 1;", sums.join(", "))
}

#[test]
fn ordinary_statements_allocate_nothing() {
    for text in ["select 1", "begin", "insert into t values (1, 'a')", &dashboard()] {
        for dialect in [Dialect::Redshift, Dialect::PostgreSql] {
            let mut plain = false;
            let counted =
                allocation_counter::measure(|| plain = matches!(read(text.as_bytes(), dialect), Reading::Plain));
            assert!(plain, "{text}");
            assert_eq!(counted.count_total, 0, "{text}");
        }
    }
}

/// The counter counts: a statement with a role is analysed, which allocates.
#[test]
fn a_carrier_allocates() {
    let counted =
        allocation_counter::measure(|| drop(read(b"copy t from 's3://b' iam_role default", Dialect::Redshift)));
    assert!(counted.count_total > 0);
}

/// Where the cluster stores 500 external schemas, and views beside them, what names none of them allocates nothing either.
#[test]
fn names_are_met_without_allocation() {
    let schemas: Vec<String> = (0..500).map(|number| format!("schema_{number}")).collect();
    let views: Vec<String> = (0..500).map(|number| format!("view_{number}")).collect();
    let schema = NameCounts { before_dot: true, anywhere: false };
    let view = NameCounts { before_dot: false, anywhere: true };
    let of = |names: &[(&Vec<String>, NameCounts)]| {
        let named = names.iter().flat_map(|(names, counts)| names.iter().map(|name| (name.as_str(), *counts)));
        WatchedNames::new(named.collect::<Vec<_>>()).unwrap()
    };
    let cases = [of(&[(&schemas, schema)]), of(&[(&schemas, schema), (&views, view)])];
    let quoted = "select \"s\".\"a\", s . b, other_499.c from \"public\".\"sales\" s, xview_1 where s.d = 'schema_1.t'";
    for names in &cases {
        for text in
            ["select 1", "begin", "insert into t values (1, 'a')", "select * from public.t", quoted, &dashboard()]
        {
            let mut seen = Glance::Matters;
            let counted =
                allocation_counter::measure(|| seen = glance(text.as_bytes(), Dialect::Redshift, Some(names)));
            assert_eq!((seen, counted.count_total), (Glance::Plain, 0), "{text}");
        }
        let named = glance(b"select * from schema_7.t", Dialect::Redshift, Some(names));
        assert_eq!(named, Glance::Named);
    }
}
