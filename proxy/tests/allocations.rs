//! Reading an ordinary statement allocates nothing.

use rolegate::sql::{Dialect, Reading, read};

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
