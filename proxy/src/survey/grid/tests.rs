use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::survey::tests::{A, ALL, B, forbid, gate, groups, roles, rules, world};

fn grid(text: &str) -> Grid {
    Grid::new(&[&rules(text)], &world())
}

/// Everything that tells one request from another.
fn what(cell: &Cell<'_>) -> String {
    format!("{} {:?} {:?} {:?} {:?}", cell.person.label, cell.kinds, cell.credential, cell.thing, cell.circumstances)
}

#[test]
fn every_number_is_another_request_and_nothing_lies_beyond() {
    let grid = grid(&forbid("context.database == \"prod\" && resource.method == \"default\""));
    let all: BTreeSet<String> = (0..grid.size()).map(|number| what(&grid.cell(number).unwrap())).collect();
    assert_eq!(u64::try_from(all.len()).unwrap(), grid.size());
    let lists =
        [grid.people.len(), grid.kinds.len(), grid.credentials.len(), grid.things.len(), grid.circumstances.len()];
    assert_eq!(u64::try_from(lists.iter().product::<usize>()).unwrap(), grid.size());
    assert!(lists.iter().all(|length| *length > 0), "{lists:?}");
}

/// Without a rule nothing is told apart: one class of kinds, one usual circumstance.
#[test]
fn a_grid_without_rules_holds_strangers() {
    let set = RuleSet::none();
    let grid = Grid::new(&[&set], &World::default());
    assert_eq!((grid.people.len(), grid.kinds.len(), grid.circumstances.len()), (1, 1, 1));
    assert!(!grid.kinds[0].contains(&StatementKind::None), "no statement asks for nothing");
    assert_eq!(grid.kinds[0].len(), StatementKind::VARIANTS.len() - 1);
    assert!(Grid::of_each(&[&set], &World::default()).is_empty());
}

/// (what rules name, classes of kinds that they tell apart)
#[test]
fn kinds_that_no_rule_tells_apart_stand_together() {
    let class_of = |text: &str, kind: StatementKind| {
        let classes = grid(text).kinds;
        let mut seen: Vec<StatementKind> = classes.concat();
        seen.sort_by_key(|kind| kind.as_str());
        seen.dedup();
        assert_eq!(seen.len(), StatementKind::VARIANTS.len() - 1, "every kind once: {text}");
        assert_eq!(classes.concat().len(), seen.len(), "no kind twice: {text}");
        (classes.len(), classes.into_iter().find(|class| class.contains(&kind)).unwrap().len())
    };
    let all = StatementKind::VARIANTS.len() - 1;
    let head = |actions: &str| format!("@id(\"x\") forbid (principal, action {actions}, resource);");
    let copy = "Rolegate::Action::\"Copy\"";
    let reads = "Rolegate::Action::\"reads\"";
    for (actions, classes, beside) in [
        (String::new(), 1, all),
        (format!("== {copy}"), 2, 1),
        (format!("in {copy}"), 2, 1),
        (format!("in [{copy}, Rolegate::Action::\"Unload\"]"), 3, 1),
        (format!("in {reads}"), 2, 2),
        (format!("in [{reads}, {copy}]"), 3, 1),
    ] {
        assert_eq!(class_of(&head(&actions), StatementKind::Copy), (classes, beside), "{actions}");
    }
    let other = head(&format!("== {copy}"));
    assert_eq!(class_of(&other, StatementKind::Unload), (2, all - 1));
}

/// (size of the grid, numbers asked for): the numbers are below the size, distinct, and as many as there can be.
#[test]
fn numbers_are_spread_and_none_is_told_twice() {
    let grid = grid(&forbid(
        "context.application like \"dbt*\" && context.database == \"prod\" && resource.length > 2 && context.hour < 6",
    ));
    let size = grid.size();
    assert!(size > 500, "{size}");
    for most in [0, 1, 2, 10, 499, size - 1, size, size + 1, u64::MAX] {
        let numbers = grid.numbers(most);
        let distinct: BTreeSet<u64> = numbers.iter().copied().collect();
        assert_eq!(u64::try_from(numbers.len()).unwrap(), most.min(size), "{most}");
        assert_eq!(distinct.len(), numbers.len(), "{most}");
        assert!(distinct.last().is_none_or(|last| *last < size), "{most}");
    }
    let tenth = grid.numbers(size / 10);
    let halves = tenth.iter().filter(|number| **number < size / 2).count();
    assert!(halves > tenth.len() / 3 && halves < tenth.len() * 2 / 3, "{halves} of {}", tenth.len());
}

#[test]
fn a_survey_says_whether_it_is_whole() {
    let set = rules(&format!("{ALL}{}", forbid("context.database == \"prod\"")));
    let size = Grid::new(&[&set], &world()).size();
    for (most, is_sampled, parts) in [(size, false, 1), (size + 1, false, 1), (size - 1, true, 3), (10, true, 3)] {
        let survey = Survey::new(&[&set], &world(), most);
        assert_eq!((survey.is_sampled, survey.parts.len(), survey.whole), (is_sampled, parts, size), "{most}");
        let counted: usize = survey.parts.iter().map(|(_, numbers)| numbers.len()).sum();
        assert_eq!(survey.asked(), u64::try_from(counted).unwrap());
        assert_eq!(survey.parts[0].1.len(), usize::try_from(most.min(size)).unwrap());
        assert!(survey.parts[1..].iter().all(|(_, numbers)| numbers.len() <= 2_000), "{most}");
    }
    assert!(!Survey::new(&[&set], &world(), 10).more_chains);
    let more = World { more_chains: true, ..world() };
    assert!(Survey::new(&[&set], &more, 10).more_chains && Survey::new(&[&set], &more, size).more_chains);
}

/// The grid of one rule holds what that rule names, not what others do, and few of the known chains.
#[test]
fn the_grid_of_a_rule_is_about_that_rule_alone() {
    let set = rules(&format!(
        "{}{}",
        forbid("context.database == \"prod\"").replace("\"x\"", "\"a\""),
        forbid("context.application == \"dbt\"").replace("\"x\"", "\"b\"")
    ));
    let names = ["C", "D", "E", "F", "G", "H"];
    let known = names.map(|name| roles(&format!("arn:aws:iam::123456789012:role/{name}")));
    let world = World { chains: known.to_vec(), ..world() };
    let grids = Grid::of_each(&[&set], &world);
    let databases =
        |grid: &Grid| grid.circumstances.iter().map(|around| around.database.clone()).collect::<BTreeSet<_>>();
    let applications =
        |grid: &Grid| grid.circumstances.iter().map(|around| around.application.clone()).collect::<BTreeSet<_>>();
    let stranger = crate::survey::values::STRANGER;
    let set_of = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(grids.len(), 2);
    assert_eq!((databases(&grids[0]), applications(&grids[0])), (set_of(&["prod", stranger]), set_of(&[stranger])));
    assert_eq!((databases(&grids[1]), applications(&grids[1])), (set_of(&[stranger]), set_of(&["dbt", stranger])));
    for grid in &grids {
        let held = known.iter().filter(|chain| grid.credentials.iter().any(|one| one.roles == **chain)).count();
        assert_eq!(held, 4);
    }
    let whole = Grid::new(&[&set], &world);
    assert!(known.iter().all(|chain| whole.credentials.iter().any(|one| one.roles == *chain)));
}

/// Two sets without a clock have one zone; a request that both decide is the same request.
#[test]
fn the_request_is_the_cells() {
    let set = rules(&forbid(&format!(
        "resource has first_role && resource.first_role == \"{A}\" && context.database == \"prod\" && resource has target_bucket && resource.target_bucket == \"b\" && resource has target_prefix && resource.target_prefix == \"p/q\""
    )));
    let users = groups(&[("etl", &["bob"])]);
    let world = World { gates: vec![gate("demo"), gate("other")], groups: vec![&users], ..World::default() };
    let grid = Grid::new(&[&set], &world);
    let wanted = |cell: &Cell<'_>| {
        cell.person.user == "bob"
            && cell.credential.roles == roles(A)
            && cell.thing.name == "b"
            && cell.thing.path == "p/q"
            && cell.circumstances.database == "prod"
    };
    let cell = (0..grid.size()).map(|number| grid.cell(number).unwrap()).find(wanted).unwrap();
    let own = ["etl".to_owned()];
    let request = cell.request(&own);
    assert_eq!((request.user, request.groups, request.database), ("bob", own.as_slice(), "prod"));
    assert_eq!((request.gate, request.cluster), ("demo", "demo-cluster"));
    assert_eq!(request.cluster_account.map(|account| account.to_string()).as_deref(), Some("123456789012"));
    assert_eq!((request.method, request.clause, request.roles.len()), ("chain", "iam_role", 1));
    let target = request.target.unwrap();
    assert_eq!((target.bucket, target.prefix, target.secret), (Some("b"), Some("p/q"), None));
    assert!(request.role_tags.is_none() && request.tls_subject.is_none() && request.tls_names.is_empty());
    assert_eq!(cell.kinds.first().map(|kind| kind.as_str()), Some(request.kind));
    assert_eq!(cell.to_string(), format!("bob: {} through {A} on s3://b/p/q (gate demo, database prod)", request.kind));
}

#[test]
fn a_request_without_a_target_names_none() {
    let grid = grid(ALL);
    let told: Vec<String> = (0..grid.size()).map(|number| grid.cell(number).unwrap().to_string()).collect();
    assert!(told.iter().any(|text| text == "a stranger: copy through default (gate demo)"), "{told:#?}");
    assert!(told.iter().any(|text| text.ends_with("on s3://rolegate-stranger/x/y (gate demo)")), "{told:#?}");
    assert!(!told.iter().any(|text| text.contains(" on  ") || text.contains(B)), "{told:#?}");
}

proptest! {
    /// Picking from lists by one number is counting in a mixed base: each place once in every round.
    #[test]
    fn picking_is_counting(lengths in prop::collection::vec(1_usize..5, 1..5)) {
        let lists: Vec<Vec<usize>> = lengths.iter().map(|length| (0..*length).collect()).collect();
        let size: usize = lengths.iter().product();
        let picked = |number: usize| {
            let mut rest = u64::try_from(number).unwrap();
            let places: Vec<usize> = lists.iter().map(|list| *pick(list, &mut rest).unwrap()).collect();
            (places, rest)
        };
        let all: BTreeSet<Vec<usize>> = (0..size).map(|number| picked(number).0).collect();
        prop_assert_eq!(all.len(), size);
        prop_assert!((0..size).all(|number| picked(number).1 == 0));
        prop_assert_eq!(picked(size).1, 1, "what is beyond is left over");
        prop_assert_eq!(pick::<u8>(&[], &mut 3), None);
    }
}
