//! Which stored roles a statement uses: a labelled table over a small catalogue, with precision and recall, and generated statements whose
//! names a slow plain twin resolves. What may be used and is not, or is not and may be, has its row.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what is wrong by failing, and the table prints its figures"
)]

mod attribution {
    pub(crate) mod cluster;
    pub(crate) mod generated;
    pub(crate) mod table;
}

use std::collections::BTreeSet;

use attribution::cluster;
use attribution::table::{ROWS, Row};
use rolegate::gate::naming::Naming;

/// What a statement is found to use: `via object`, with `?` where it is not certain.
fn found(row: &Row) -> BTreeSet<String> {
    let naming = match row.session {
        "" => Naming::default(),
        "used sales" => Naming { used: vec!["sales".to_owned()], has_left: true, ..Naming::default() },
        "perhaps sales" => Naming { used: vec!["sales".to_owned()], ..Naming::default() },
        "used elsewhere" => Naming { used: vec!["elsewhere".to_owned()], has_left: true, ..Naming::default() },
        "cased" => Naming { is_cased: Some(true), ..Naming::default() },
        "folded" => Naming { is_cased: Some(false), ..Naming::default() },
        "path etl" => Naming { search_path: Some(vec!["etl".to_owned()]), ..Naming::default() },
        "path public" => Naming { search_path: Some(vec!["public".to_owned()]), ..Naming::default() },
        "temporary" => Naming { temporary: vec!["sales_view".to_owned()], ..Naming::default() },
        other => panic!("no session is called {other}"),
    };
    cluster::uses(row.text, naming)
}

fn without_doubt(name: &str) -> &str {
    name.trim_end_matches('?')
}

/// Every statement uses what its row says, for certain where the row says so.
#[test]
fn table() {
    let (mut right, mut told, mut labelled, mut exact, mut failed) = (0, 0, 0, 0, Vec::new());
    for row in ROWS {
        let (found, want) = (found(row), row.uses.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>());
        let truth: BTreeSet<&str> = row.truth.unwrap_or(row.uses).iter().map(|name| without_doubt(name)).collect();
        let names: BTreeSet<&str> = found.iter().map(|name| without_doubt(name)).collect();
        right += names.intersection(&truth).count();
        told += names.len();
        labelled += truth.len();
        exact += usize::from(found == want);
        if found != want {
            failed.push(format!("{} [{}]\n  found {found:?}\n  want  {want:?}", row.text, row.session));
        }
    }
    let percent = |part: usize, whole: usize| {
        100.0 * f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(whole).unwrap())
    };
    println!(
        "{} statements: precision {:.1} % ({right} of {told}), recall {:.1} % ({right} of {labelled}), {exact} as labelled",
        ROWS.len(),
        percent(right, told),
        percent(right, labelled),
    );
    assert!(failed.is_empty(), "{} rows differ:\n{}", failed.len(), failed.join("\n"));
    assert!(ROWS.len() >= 120, "{}", ROWS.len());
}

/// What the rows call a miss is named among the limits.
#[test]
fn misses_are_documented() {
    let limits = include_str!("../../docs/limits.md");
    for row in ROWS {
        let found = found(row);
        let is_found = |name: &&&str| found.iter().any(|found| without_doubt(found) == without_doubt(name));
        let missed = row.truth.unwrap_or_default().iter().filter(|name| !is_found(name)).count();
        assert_eq!(missed > 0, !row.limit.is_empty(), "{}: a miss has a limit, and only a miss", row.text);
        assert!(limits.contains(row.limit), "{}: docs/limits.md does not say {:?}", row.text, row.limit);
    }
}

/// Generated statements over a generated catalogue: what the gate finds and what a plain twin does agree.
#[test]
fn generated_statements_agree_with_a_plain_twin() {
    let mut uses = 0;
    for case in 0..4_000 {
        uses += attribution::generated::check(case);
    }
    assert!(uses > 2_000, "{uses}");
}
