//! A verdict on a COPY with a three-hop chain, cold and from the cache, over facts of one account and of many.
#![expect(clippy::unwrap_used, reason = "a bench that cannot start says so by failing")]
#![expect(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use rolegate::config::Config;
use rolegate::gate::cache::CacheSettings;
use rolegate::gate::principal::{Attributes, Principal};
use rolegate::gate::{DecisionPath, Gate, judge_alone};
use rolegate::serve::build;
use rolegate_loadtest::accounts::{Size, chain, write};

fn verdicts(criterion: &mut Criterion) {
    for accounts in [1, 20, 200] {
        let folder = tempfile::tempdir().unwrap();
        let size = Size { accounts, roles: 1000 };
        let files = write(folder.path(), size).unwrap();
        let config = Config::load(&files.config).unwrap();
        let policy = build::policy(&config, config.gate.first().unwrap()).unwrap();
        let user = Principal::new(Attributes { user: "etl".to_owned(), ..Attributes::default() });
        let text = format!("copy t from 's3://b/x' iam_role '{}'", chain(size, 4));
        let now = Timestamp::now();
        let settings = CacheSettings { capacity: 1000, ttl: Duration::from_hours(1) };
        let gate = Gate::new(policy.clone(), settings, |_cause| ());
        criterion.bench_function(&format!("cold/{accounts} accounts"), |bencher| {
            bencher.iter(|| judge_alone(&policy, black_box(text.as_bytes()), &user, now));
        });
        gate.judge(text.as_bytes(), &user, || now).0.unwrap();
        assert_eq!(gate.judge(text.as_bytes(), &user, || now).1, DecisionPath::Cached);
        criterion.bench_function(&format!("cached/{accounts} accounts"), |bencher| {
            bencher.iter(|| gate.judge(black_box(text.as_bytes()), &user, || now));
        });
    }
}

criterion_group!(benches, verdicts);
criterion_main!(benches);
