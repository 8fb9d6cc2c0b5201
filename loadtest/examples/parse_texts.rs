//! Parses SQL texts with sqlparser and its dialect for Redshift, and does nothing with what comes of them: a peer of
//! `loadtest/history_bench.py`.
//!
//! usage: `parse_texts FILE THREADS`, with one text a line, as a JSON string. Prints `{"seconds", "failed"}`.

use std::env;
use std::fs;
use std::hint::black_box;
use std::io::{self, Write as _};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result};
use sqlparser::dialect::RedshiftSqlDialect;
use sqlparser::parser::Parser;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().context("usage: parse_texts FILE THREADS")?;
    let threads: usize = arguments.next().context("usage: parse_texts FILE THREADS")?.parse()?;
    let lines = fs::read_to_string(&path).with_context(|| path.clone())?;
    let texts = lines.lines().map(serde_json::from_str).collect::<Result<Vec<String>, _>>()?;
    let began = Instant::now();
    let failed = thread::scope(|scope| {
        let share = texts.len().div_ceil(threads.max(1)).max(1);
        let parsing: Vec<_> = texts.chunks(share).map(|texts| scope.spawn(|| failures(texts))).collect();
        parsing.into_iter().map(|share| share.join().unwrap_or_default()).sum::<usize>()
    });
    let seconds = began.elapsed().as_secs_f64();
    writeln!(io::stdout(), "{}", serde_json::json!({ "seconds": seconds, "failed": failed }))?;
    Ok(())
}

/// Parses texts; returns how many are not to be parsed.
fn failures(texts: &[String]) -> usize {
    let is_bad = |text: &&String| black_box(Parser::parse_sql(&RedshiftSqlDialect {}, text)).is_err();
    texts.iter().filter(is_bad).count()
}
