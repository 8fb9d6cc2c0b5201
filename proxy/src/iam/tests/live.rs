//! Live facts over a source that the test directs: outages, staleness, look-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::fixture::{HOME, World, away, caller, home, role, trusts};
use crate::chain::{AccountId, RoleArn};
use crate::iam::{Cluster, Facts, FactsSource, FetchError, Fetching, Live, LiveSettings, Outcome, attachment, hop};

/// An AWS with the accounts of the small world, that can fail, hang, and grow a role.
#[derive(Debug)]
struct Directed {
    world: World,
    fails: AtomicBool,
    hangs: AtomicBool,
    has_new_role: AtomicBool,
    lookups: AtomicUsize,
}

impl Directed {
    fn new() -> Arc<Self> {
        let off = AtomicBool::default;
        Arc::new(Self {
            world: World::new(),
            fails: off(),
            hangs: off(),
            has_new_role: off(),
            lookups: AtomicUsize::default(),
        })
    }

    async fn answer<T>(&self, account: AccountId, value: T) -> Result<T, FetchError> {
        if self.hangs.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        if self.fails.load(Ordering::Relaxed) {
            return Err(FetchError { account, call: "iam:Any", message: "the endpoint is gone".to_owned() });
        }
        Ok(value)
    }
}

fn new_role() -> RoleArn {
    away("New")
}

impl FactsSource for Directed {
    fn roles(&self, account: AccountId) -> Fetching<'_, Vec<Json>> {
        let page = if account.to_string() == HOME { &self.world.home } else { &self.world.away };
        Box::pin(self.answer(account, vec![page.clone()]))
    }

    fn clusters(&self, account: AccountId) -> Fetching<'_, Vec<Json>> {
        let pages = if account.to_string() == HOME { vec![self.world.clusters.clone()] } else { Vec::new() };
        Box::pin(self.answer(account, pages))
    }

    fn role<'a>(&'a self, wanted: &'a RoleArn) -> Fetching<'a, Option<Json>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let is_there = *wanted == new_role() && self.has_new_role.load(Ordering::Relaxed);
        let trust = trusts(&json!({"AWS": home("RoleA").as_str()}));
        let page = is_there.then(|| json!({"RoleDetailList": [role(wanted, &trust, &json!([]))], "Policies": []}));
        Box::pin(self.answer(wanted.account(), page))
    }

    fn organisation(&self, account: AccountId) -> Fetching<'_, Json> {
        Box::pin(self.answer(account, json!({"accounts": {}})))
    }
}

fn settings() -> LiveSettings {
    LiveSettings {
        accounts: vec![home("RoleA").account(), away("RoleB").account()],
        refresh: Duration::from_millis(50),
        max_stale: Duration::from_millis(400),
        deadline: Duration::from_millis(100),
        absent_for: Duration::from_millis(150),
    }
}

fn in_runtime(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// The verdict on the guide's chain.
fn chain(facts: &Facts) -> [Outcome; 2] {
    let cluster = facts.cluster("demo").cloned().unwrap_or_else(|| Cluster::unknown("demo"));
    let caller = caller(&cluster, "etl");
    [
        attachment(facts, &[home("RoleA").clone()], &caller).outcome,
        hop(facts, &home("RoleA"), &away("RoleB"), 1, &caller).outcome,
    ]
}

const ALLOWED: [Outcome; 2] = [Outcome::Allowed, Outcome::Allowed];

#[test]
fn the_same_verdicts_as_from_files() {
    in_runtime(async {
        let live = Live::new(Directed::new(), settings(), Box::new(|_, _, _| ()));
        assert_ne!(chain(&live.facts()), ALLOWED, "nothing is known before the first fetch");
        live.fetch_all().await.unwrap();
        let (facts, files) = (live.facts(), World::new().load());
        assert_eq!(facts.role_count(), files.role_count());
        let cluster = files.cluster("demo").unwrap();
        let found = facts.cluster("demo").unwrap();
        assert_eq!(&Cluster { captured_at: cluster.captured_at, ..found.clone() }, cluster);
        let roles: Vec<_> = files.roles().cloned().collect();
        for source in &roles {
            assert_eq!(
                attachment(&facts, std::slice::from_ref(source), &caller(cluster, "etl")).outcome,
                attachment(&files, std::slice::from_ref(source), &caller(cluster, "etl")).outcome
            );
            for target in &roles {
                let step = |facts: &Facts| hop(facts, source, target, 1, &caller(cluster, "etl")).outcome;
                assert_eq!(step(&facts), step(&files), "{source} {target}");
            }
        }
    });
}

/// Facts that say the same are not exchanged, however often AWS is asked: how old they may become is up to `max_stale` alone.
#[test]
fn what_aws_says_is_not_too_old_while_it_is_asked() {
    in_runtime(async {
        let mut source = Directed::new();
        let world = &mut Arc::get_mut(&mut source).unwrap().world;
        for page in [&mut world.home, &mut world.away, &mut world.clusters] {
            page["captured_at"] = json!("2026-11-01T12:00:00Z");
        }
        let live = Live::new(source, settings(), Box::new(|_, _, _| ()));
        live.set_base(Arc::new(Facts::empty().with_max_age(Some(Duration::from_secs(1)))));
        live.fetch_all().await.unwrap();
        assert_eq!(chain(&live.facts()), ALLOWED);
        assert_eq!(live.facts().captures().count(), 0, "nothing here comes from a file");
    });
}

#[test]
fn an_outage_changes_nothing_until_the_facts_are_stale() {
    in_runtime(async {
        let source = Directed::new();
        let live = Live::new(source.clone(), settings(), Box::new(|_, _, _| ()));
        let told = Arc::new(AtomicUsize::default());
        let count = Arc::clone(&told);
        live.on_change(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        live.fetch_all().await.unwrap();
        let (version, after_start) = (live.facts().version().to_owned(), told.load(Ordering::Relaxed));
        tokio::spawn(Arc::clone(&live).follow());
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert_eq!(told.load(Ordering::Relaxed), after_start, "the same facts again are no change");
        source.fails.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!((chain(&live.facts()), live.facts().version()), (ALLOWED, version.as_str()), "within the limit");
        let status = live.status();
        assert!(status.iter().all(|account| account.failures > 0 && !account.is_stale), "{status:?}");
        assert!(status[0].last_error.as_ref().unwrap().contains("the endpoint is gone"), "{status:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(matches!(chain(&live.facts())[1], Outcome::Unknown(_)), "past the limit");
        assert!(told.load(Ordering::Relaxed) > after_start && live.status()[0].is_stale);
        source.fails.store(false, Ordering::Relaxed);
        live.fetch_all().await.unwrap();
        assert_eq!(chain(&live.facts()), ALLOWED, "and back");
    });
}

#[test]
fn a_role_is_looked_up_once_and_its_absence_is_remembered() {
    in_runtime(async {
        let source = Directed::new();
        let live = Live::new(source.clone(), settings(), Box::new(|_, _, _| ()));
        live.fetch_all().await.unwrap();
        let roles = [new_role()];
        let many = [live.look_up(&roles), live.look_up(&roles), live.look_up(&roles)];
        let [one, two, three] = many;
        tokio::join!(one, two, three);
        live.look_up(&roles).await;
        assert_eq!(
            source.lookups.load(Ordering::Relaxed),
            1,
            "one call for all, and none while the absence is remembered"
        );
        source.has_new_role.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(200)).await;
        live.look_up(&roles).await;
        assert!(live.facts().knows(&new_role()), "looked for again after a while");
        live.look_up(&[RoleArn::parse("arn:aws:iam::999999999999:role/Elsewhere").unwrap()]).await;
        assert_eq!(source.lookups.load(Ordering::Relaxed), 2, "an account that is not followed is not asked");
        live.fetch_all().await.unwrap();
        assert!(!live.facts().knows(&new_role()), "a whole listing that began later says it is gone");
    });
}

#[test]
fn a_look_up_that_hangs_is_not_waited_for() {
    in_runtime(async {
        let source = Directed::new();
        source.has_new_role.store(true, Ordering::Relaxed);
        let live = Live::new(source.clone(), settings(), Box::new(|_, _, _| ()));
        live.fetch_all().await.unwrap();
        source.hangs.store(true, Ordering::Relaxed);
        live.look_up(&[new_role()]).await;
        assert!(!live.facts().knows(&new_role()), "the deadline is over");
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert!(live.facts().knows(&new_role()), "what came later is in force");
    });
}
