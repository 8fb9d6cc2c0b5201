//! Ordinary statements, of dashboards, dbt and administrators, among them many that only name what a carrier would: nothing
//! is found in any of them. Tables and columns are those of the TICKIT sample database
//! (<https://docs.aws.amazon.com/redshift/latest/dg/c_sampledb.html>).

use rolegate::sql::{Dialect, Reading, read};

#[test]
fn ordinary_statements_carry_nothing() {
    let statements = include_str!("ordinary.sql").split(";\n\n");
    let found: Vec<_> = statements
        .filter_map(|text| match read(text.as_bytes(), Dialect::Redshift) {
            Reading::Plain => None,
            Reading::Analysed(analysis) => analysis
                .statements
                .iter()
                .any(|one| !(one.faults.is_empty() && one.role_uses.is_empty()))
                .then(|| format!("{text}\n{analysis:?}")),
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
