//! The work whose instructions `make bench-instructions` counts. `instructions CASE ROUNDS` does one case's work so many times and `instructions`
//! alone lists the cases; valgrind counts what happens inside [`measured`] only.

#![expect(clippy::print_stdout, reason = "the list of cases is its output")]

use std::hint::black_box;
use std::process::ExitCode;

use rolegate::sql::{Dialect, glance, is_plain, names_used, read};

#[path = "../benches/data/statements.rs"]
mod statements;

/// A case: its name and its work.
type Case = (String, Box<dyn Fn()>);

fn case<T>(name: String, work: impl Fn() -> T + 'static) -> Case {
    let work = move || {
        black_box(work());
    };
    (name, Box::new(work))
}

fn cases() -> Vec<Case> {
    let plain = statements::plain()
        .into_iter()
        .map(|(name, text)| case(format!("lexer/{name}"), move || is_plain(black_box(&text), Dialect::Redshift)));
    let carriers = statements::carriers()
        .into_iter()
        .map(|(name, text)| case(format!("analysis/{name}"), move || read(black_box(&text), Dialect::Redshift)));
    let rows = statements::rows();
    let scan = case("frames/rows of 100 bytes".to_owned(), move || statements::scan(black_box(&rows)));
    plain.chain(names()).chain(carriers).chain([scan]).collect()
}

/// The pass with names to watch for, beside which stands the one without; and what a query costs that names one of them.
fn names() -> Vec<Case> {
    let clusters = [("500 schemas", false), ("500 schemas and views", true)];
    let passes = clusters.into_iter().flat_map(|(cluster, views)| {
        statements::plain().into_iter().map(move |(name, text)| {
            let names = statements::stored_names(views);
            case(format!("names/{cluster}/{name}"), move || glance(black_box(&text), Dialect::Redshift, names.as_ref()))
        })
    });
    let (names, text) = (statements::stored_names(true), statements::stored_query());
    let parsed = case("names/parsed/bi 1 KB".to_owned(), move || {
        names.as_ref().map(|names| names_used(black_box(&text), Dialect::Redshift, names))
    });
    passes.chain([parsed]).collect()
}

/// The name is what valgrind is told to start and stop counting at.
#[inline(never)]
fn measured(work: &dyn Fn(), rounds: u32) {
    for _round in 0..rounds {
        work();
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(wanted) = arguments.next() else {
        for (name, _) in cases() {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    };
    let Some((_, work)) = cases().into_iter().find(|(name, _)| *name == wanted) else { return ExitCode::FAILURE };
    let Some(rounds) = arguments.next().and_then(|rounds| rounds.parse().ok()) else { return ExitCode::FAILURE };
    // The first run pays for what is made once, such as the choice of vector instructions.
    work();
    measured(work.as_ref(), rounds);
    ExitCode::SUCCESS
}
