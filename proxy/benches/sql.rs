//! Reading statements and frames: the lexer's pass over plain statements, the same with names to watch for, the grammar by kind of statement, and frame boundaries.
#![expect(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rolegate::sql::{Dialect, glance, is_plain, names_used, read};

#[path = "data/statements.rs"]
mod statements;

fn lexer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lexer");
    for (name, text) in statements::plain() {
        assert!(is_plain(&text, Dialect::Redshift), "{name}: the grammar would be measured");
        group.throughput(Throughput::Bytes(bytes(&text)));
        group.bench_function(name, |bencher| bencher.iter(|| is_plain(black_box(&text), Dialect::Redshift)));
    }
    group.finish();
}

fn names(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("names");
    for (cluster, names) in
        [("500 schemas", statements::stored_names(false)), ("500 schemas and views", statements::stored_names(true))]
    {
        for (name, text) in statements::plain() {
            group.throughput(Throughput::Bytes(bytes(&text)));
            group.bench_function(format!("{cluster}/{name}"), |bencher| {
                bencher.iter(|| glance(black_box(&text), Dialect::Redshift, names.as_ref()));
            });
        }
    }
    if let Some(names) = statements::stored_names(true) {
        let text = statements::stored_query();
        group.throughput(Throughput::Bytes(bytes(&text)));
        group.bench_function("parsed/bi 1 KB", |bencher| {
            bencher.iter(|| names_used(black_box(&text), Dialect::Redshift, &names));
        });
    }
    group.finish();
}

fn analysis(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("analysis");
    for (name, text) in statements::carriers() {
        group.throughput(Throughput::Bytes(bytes(&text)));
        group.bench_function(name, |bencher| bencher.iter(|| read(black_box(&text), Dialect::Redshift)));
    }
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let frames = statements::rows();
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Bytes(bytes(&frames)));
    group.bench_function("rows of 100 bytes", |bencher| bencher.iter(|| statements::scan(black_box(&frames))));
    group.finish();
}

fn bytes(text: &[u8]) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

criterion_group!(benches, lexer, names, analysis, frames);
criterion_main!(benches);
