use std::collections::BTreeSet;

use super::*;
use crate::survey::tests::{A, ALL, B, forbid, roles, values};

const C: &str = "arn:aws:iam::123456789012:role/etl/Loader";
const HOME: &str = "123456789012";
const OWN: &str = "arn:aws:iam::123456789012:role/rolegate-stranger";
const STRANGE: &str = "arn:aws:iam::000000000000:role/rolegate-stranger";

fn home() -> AccountId {
    roles(A)[0].account()
}

fn made(text: &str, known: &[&str]) -> Vec<Credential> {
    let known: Vec<Vec<RoleArn>> = known.iter().map(|chain| roles(chain)).collect();
    credentials(&values(text), &known, Some(home()), None)
}

fn labels(condition: &str) -> BTreeSet<String> {
    made(&forbid(condition), &[]).iter().map(Credential::label).collect()
}

/// What is in every grid, whatever the rules say.
fn usual() -> BTreeSet<String> {
    let methods = ["default", "session", "all", "access_keys", "none", "unknown"].map(str::to_owned);
    let chains = [OWN.to_owned(), STRANGE.to_owned(), format!("{OWN},{STRANGE}")];
    methods.into_iter().chain(chains).collect()
}

#[test]
fn without_rules_there_are_strangers_and_every_method() {
    let all = made(ALL, &[]);
    assert_eq!(all.iter().map(Credential::label).collect::<BTreeSet<_>>(), usual());
    assert_eq!(all.len(), usual().len(), "none twice");
    for one in &all {
        assert_eq!(one.roles.is_empty(), one.method != "chain", "{one:?}");
        assert_eq!((one.clause, &one.tags), ("iam_role", &None), "{one:?}");
    }
}

#[test]
fn an_unknown_account_is_the_strangers() {
    let all = credentials(&values(ALL), &[], None, None);
    let chains: BTreeSet<String> = all.iter().filter(|one| one.method == "chain").map(Credential::label).collect();
    assert_eq!(chains, BTreeSet::from([STRANGE.to_owned(), format!("{STRANGE},{STRANGE}")]));
}

#[test]
fn known_chains_are_there_once() {
    let pair = format!("{A},{B}");
    let all = made(&forbid(&format!("resource has first_role && resource.first_role == \"{A}\"")), &[A, &pair, A]);
    for chain in [A, &pair] {
        assert_eq!(all.iter().filter(|one| one.label() == chain).count(), 1, "{chain}");
    }
}

/// (condition, chains that the grid has because of it)
#[test]
fn chains_that_a_rule_could_be_about() {
    let rows: Vec<(String, Vec<String>)> = vec![
        (
            format!("resource has first_role && resource.first_role == \"{A}\""),
            vec![A.into(), format!("{OWN},{A}"), format!("{A},{OWN}")],
        ),
        (
            format!("resource.roles.containsAll([\"{A}\", \"{B}\"])"),
            vec![
                A.into(),
                B.into(),
                format!("{A},{B}"),
                format!("{B},{A}"),
                format!("{OWN},{A}"),
                format!("{A},{OWN}"),
                format!("{OWN},{B}"),
                format!("{B},{OWN}"),
            ],
        ),
        (format!("resource.middle_roles.contains(\"{B}\")"), vec![format!("{OWN},{B},{OWN}")]),
        (format!("resource.chain == \"{A},{B}\""), vec![format!("{A},{B}")]),
        (
            "resource.chain like \"*:role/RoleA,*:role/RoleB\"".into(),
            vec![format!("{A},arn:aws:iam::{HOME}:role/RoleB")],
        ),
        (
            "resource.accounts.contains(\"210987654321\")".into(),
            vec!["arn:aws:iam::210987654321:role/rolegate-stranger".into()],
        ),
        (
            "resource has last_account && resource.last_account == \"210987654321\"".into(),
            vec!["arn:aws:iam::210987654321:role/rolegate-stranger".into()],
        ),
        ("resource.paths.contains(\"/etl/\")".into(), vec![format!("arn:aws:iam::{HOME}:role/etl/rolegate-stranger")]),
        (
            "resource.common_path like \"/etl/*\"".into(),
            vec![format!("arn:aws:iam::{HOME}:role/etl/x/rolegate-stranger")],
        ),
        ("resource.names.contains(\"Loader\")".into(), vec![format!("arn:aws:iam::{HOME}:role/Loader")]),
        ("resource.common_name like \"etl-*\"".into(), vec![format!("arn:aws:iam::{HOME}:role/etl-x")]),
        (
            "resource.names.contains(\"Loader\") && resource.paths.contains(\"/etl/\")".into(),
            vec![
                C.into(),
                format!("arn:aws:iam::{HOME}:role/Loader"),
                format!("arn:aws:iam::{HOME}:role/etl/rolegate-stranger"),
            ],
        ),
    ];
    for (condition, want) in rows {
        let want: BTreeSet<String> = want.into_iter().chain(usual()).collect();
        assert_eq!(labels(&condition), want, "{condition}");
    }
}

/// A text that is no role, no account or no path makes no chain, and nothing else is lost by it.
#[test]
fn names_that_no_role_can_have_are_left_out() {
    for condition in [
        "resource.roles.contains(\"no role\")",
        "resource.chain like \"*\"",
        "resource.accounts.contains(\"12\")",
        "resource.paths.contains(\"no slash\")",
        "resource.names.contains(\"with blank\")",
        "resource.middle_roles.contains(\"\")",
    ] {
        assert_eq!(labels(condition), usual(), "{condition}");
    }
}

/// (condition, lengths of chains that the grid has, of one account's strangers)
#[test]
fn lengths_that_a_rule_asks_for() {
    let lengths = |condition: &str| {
        let all = made(&forbid(condition), &[]);
        let numbered = all.iter().filter(|one| one.roles.first().is_some_and(|role| role.name().ends_with("-0")));
        numbered.map(|one| one.roles.len()).collect::<BTreeSet<_>>()
    };
    for (condition, want) in [
        ("resource.length == 3", vec![2, 3, 4]),
        ("resource.length > 1", vec![1, 2]),
        ("resource.length < 1", vec![1, 2]),
        ("resource.length == 10", vec![9, 10]),
        ("resource.length == 11", vec![10]),
        ("resource.length == 12", vec![]),
        ("resource.length == -1", vec![]),
        ("resource.length > 9223372036854775806", vec![]),
        ("resource.length == 2 || resource.length == 6", vec![1, 2, 3, 5, 6, 7]),
        ("context.hour == 3", vec![]),
    ] {
        assert_eq!(lengths(condition), want.into_iter().collect::<BTreeSet<_>>(), "{condition}");
    }
}

/// What a rule is about is made as long as it asks for, with strangers on every side.
#[test]
fn chains_are_lengthened() {
    let all = labels(&format!("resource.roles.contains(\"{A}\") && resource.length == 3"));
    let [zero, one] = ["-0", "-1"].map(|number| format!("{OWN}{number}"));
    for want in
        [format!("{A},{zero},{one}"), format!("{zero},{one},{A}"), format!("{A},{zero},{OWN}"), format!("{A},{zero}")]
    {
        assert!(all.contains(&want), "{want} of {all:#?}");
    }
    assert!(!all.iter().any(|chain| chain.split(',').count() > MAX_ROLES));
}

#[test]
fn no_chain_is_longer_than_a_cluster_takes() {
    let many: Vec<String> = (0..12).map(|number| format!("\"arn:aws:iam::{HOME}:role/R{number}\"")).collect();
    let all = labels(&format!("resource.roles.containsAll([{}])", many.join(", ")));
    assert_eq!(all.iter().map(|chain| chain.split(',').count()).max(), Some(2), "all twelve together are none");
    let fewer = &many[..10];
    let all = labels(&format!("resource.roles.containsAll([{}])", fewer.join(", ")));
    assert!(all.contains(&fewer.join(",").replace('"', "")));
}

/// (condition, clauses beside the usual one)
#[test]
fn clauses_that_rules_name() {
    for (condition, want) in [
        ("resource.clause == \"credentials\"", vec!["credentials", "iam_role"]),
        ("resource.clause == \"iam_role\"", vec!["iam_role"]),
        ("[\"assumerole\", \"grantee\"].contains(resource.clause)", vec!["assumerole", "grantee", "iam_role"]),
        ("resource.clause == \"no_clause\"", vec!["iam_role"]),
        ("resource.method == \"credentials\"", vec!["iam_role"]),
    ] {
        let all = made(&forbid(condition), &[]);
        let clauses: BTreeSet<&str> = all.iter().map(|one| one.clause).collect();
        assert_eq!(clauses, want.iter().copied().collect::<BTreeSet<_>>(), "{condition}");
        assert_eq!(all.len(), clauses.len() * usual().len(), "every credential in every clause: {condition}");
    }
}

#[test]
fn the_keyword_stands_for_a_role_where_a_rule_tells_it_apart() {
    let all =
        labels(&format!("resource.method == \"default\" && resource has first_role && resource.first_role == \"{A}\""));
    for want in ["default".to_owned(), format!("default ({A})"), format!("default ({OWN})")] {
        assert!(all.contains(&want), "{want} of {all:#?}");
    }
    assert!(
        !all.iter().any(|label| label.starts_with("default (") && label.contains(',')),
        "one role, no chain: {all:#?}"
    );
    assert!(!labels("resource.method == \"chain\"").iter().any(|label| label.starts_with("default (")));
}

/// A chain has the named tags on no role, on each, on the first alone and on all but the first.
#[test]
fn tags_that_rules_name() {
    let tagged = |condition: &str| {
        let all = made(&forbid(condition), &[]);
        let pair = format!("{OWN},{STRANGE}");
        let tags = |one: &Credential| {
            let words = |tags: &Vec<RoleTags>| {
                tags.iter().map(|tags| tags.iter().cloned().collect::<Vec<_>>().join("+")).collect::<Vec<_>>().join("|")
            };
            one.tags.as_ref().map(words)
        };
        let of_pair: BTreeSet<Option<String>> = all.iter().filter(|one| one.label() == pair).map(tags).collect();
        assert!(all.iter().filter(|one| one.roles.is_empty()).all(|one| one.tags.is_none()), "no role, no tags");
        of_pair
    };
    let some =
        |texts: &[&str]| texts.iter().map(|text| Some((*text).to_owned())).chain([None]).collect::<BTreeSet<_>>();
    assert_eq!(tagged("resource.length == 2"), some(&[]));
    assert_eq!(
        tagged("resource has tags_of_first_role && resource.tags_of_first_role.contains(\"team=x\")"),
        some(&["|", "team=x|team=x", "team=x|", "|team=x"])
    );
    assert_eq!(
        tagged("resource has tags_of_any_role && resource.tags_of_any_role.containsAny([\"a=1\", \"b=2\"])"),
        some(&["|", "a=1+b=2|a=1+b=2", "a=1+b=2|", "|a=1+b=2"])
    );
    let named = "rolegate-stranger=x";
    assert_eq!(
        tagged("resource has tags_of_last_role"),
        some(&["|", &format!("{named}|{named}"), &format!("{named}|"), &format!("|{named}")])
    );
}

/// (text, what it is completed to)
#[test]
fn patterns_become_roles() {
    for (text, want) in [
        ("x:role/RoleA", "arn:aws:iam::1:role/RoleA"),
        ("x:role/a/b", "arn:aws:iam::1:role/a/b"),
        ("x:role/A,x:role/B", "arn:aws:iam::1:role/A,arn:aws:iam::1:role/B"),
        ("x", "arn:aws:iam::1:role/rolegate-stranger"),
        ("x,x:role/A", "arn:aws:iam::1:role/rolegate-stranger,arn:aws:iam::1:role/A"),
        ("y", "y"),
        ("", ""),
    ] {
        assert_eq!(completed(text, "1"), want, "{text}");
    }
}
