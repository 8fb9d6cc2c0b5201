//! Names that are nowhere known, and words that were meant.

use super::load;
use crate::rules::names::{KnownNames, NameList};

const ROLE: &str = "arn:aws:iam::123456789012:role/team/RoleA";

fn known() -> KnownNames {
    KnownNames {
        groups: NameList::whole(["etl", "analysts"]),
        users: NameList::whole(["loader", "ann"]),
        databases: NameList::whole(["dev", "prod"]),
        gates: NameList::whole(["main"]),
        clusters: NameList::whole(["warehouse"]),
        roles: NameList::whole([ROLE]),
    }
}

fn warned(rule: &str, known: &KnownNames) -> Vec<String> {
    let rules = load(&[&format!("@id(\"r\") {rule};")]).unwrap();
    let shown = |warning: &crate::rules::names::RuleWarning| {
        let text = warning.to_string();
        text.split_once(": rule \"r\"").unwrap().1.to_owned()
    };
    rules.warnings(known).iter().map(shown).collect()
}

/// (a forbid's scope and condition, what is said of it)
#[test]
fn forbids_about_what_is_nowhere_known() {
    let all = "principal, action, resource";
    let rows: &[(&str, &str, &[&str])] = &[
        ("principal in Rolegate::Group::\"analysts\", action, resource", "true", &[]),
        (
            "principal in Rolegate::Group::\"analyst\", action, resource",
            "true",
            &[" can never apply: group \"analyst\" is nowhere known; did you mean \"analysts\"?"],
        ),
        (
            "principal == Rolegate::User::\"loder\", action, resource",
            "true",
            &[" can never apply: user \"loder\" is nowhere known; did you mean \"loader\"?"],
        ),
        (all, "principal.name like \"svc_*\"", &[]),
        (all, "principal.name == \"bob\"", &[" can never apply: user \"bob\" is nowhere known"]),
        (
            all,
            "resource.method == \"keys\"",
            &[
                " can never apply: there is no method \"keys\"; use one of chain, default, session, all, access_keys, none",
            ],
        ),
        (
            all,
            "[\"chain\", \"access_key\"].contains(resource.method)",
            &[": there is no method \"access_key\"; did you mean \"access_keys\"?"],
        ),
        (
            all,
            "resource.clause == \"iamrole\"",
            &[" can never apply: there is no clause \"iamrole\"; did you mean \"iam_role\"?"],
        ),
        (
            all,
            "context.gate == \"mian\"",
            &[" can never apply: gate \"mian\" is nowhere known; did you mean \"main\"?"],
        ),
        (all, "context.database == \"porduction\"", &[" can never apply: database \"porduction\" is nowhere known"]),
        (
            all,
            "resource has first_role && resource.first_role == \"RoleA\"",
            &[
                " can never apply: \"RoleA\" is not a role's ARN: it is not of the form arn:aws:iam::<account>:role/<name>; \
             did you mean \"arn:aws:iam::123456789012:role/team/RoleA\"?",
            ],
        ),
        (
            all,
            "resource.roles.contains(\"arn:aws:iam::123456789012:role/RoleX\")",
            &[" can never apply: role \"arn:aws:iam::123456789012:role/RoleX\" is nowhere known"],
        ),
        (
            all,
            "resource.roles.containsAny([\"arn:aws:iam::123456789012:role/team/RoleA\", \"RoleB\"])",
            &[": \"RoleB\" is not a role's ARN: it is not of the form arn:aws:iam::<account>:role/<name>"],
        ),
        (
            all,
            "resource has last_role && resource.last_role like \"*/Admin*\"",
            &[" can never apply: no known last role fits the pattern"],
        ),
        (
            all,
            "context.weekday == \"Saturday\"",
            &[" can never apply: there is no weekday \"Saturday\"; did you mean \"saturday\"?"],
        ),
        (
            all,
            "resource.accounts.contains(\"12345\")",
            &[" can never apply: \"12345\" is no account: it has not twelve digits"],
        ),
        (
            all,
            "context.gate == \"main\" && (resource.method == \"chain\" || resource.method == \"chan\")",
            &[": there is no method \"chan\"; did you mean \"chain\"?"],
        ),
        (all, "!(context.gate == \"mian\")", &[": gate \"mian\" is nowhere known; did you mean \"main\"?"]),
        (
            all,
            "if context.gate == \"mian\" then true else resource.method == \"chain\"",
            &[": gate \"mian\" is nowhere known; did you mean \"main\"?"],
        ),
    ];
    for (scope, condition, want) in rows {
        assert_eq!(&warned(&format!("forbid ({scope}) when {{ {condition} }}"), &known()), want, "{scope} {condition}");
    }
}

#[test]
fn permits_are_told_only_what_cannot_be_a_name() {
    assert_eq!(warned("permit (principal == Rolegate::User::\"bob\", action, resource)", &known()), [""; 0]);
    let typo = warned("permit (principal, action, resource) when { resource.method == \"chian\" }", &known());
    assert_eq!(typo, [" can never apply: there is no method \"chian\"; did you mean \"chain\"?"]);
}

#[test]
fn a_list_that_is_not_whole_speaks_of_slips_alone() {
    let users = NameList { is_whole: false, ..NameList::whole(["loader"]) };
    let known = KnownNames { users, ..KnownNames::default() };
    let forbid = |name: &str| format!("forbid (principal == Rolegate::User::\"{name}\", action, resource)");
    assert_eq!(warned(&forbid("bob"), &known), [""; 0]);
    assert_eq!(warned(&forbid("loeder"), &known).len(), 1);
    assert_eq!(warned(&forbid("bob"), &KnownNames::default()), [""; 0], "nothing is known, so nothing is missing");
}

/// (what a rule names, what is said of it)
#[test]
fn words_that_were_meant() {
    let rows = [
        ("principal, action == Rolegate::Action::\"UNLOAD\", resource", "did you mean `Rolegate::Action::\"Unload\"`?"),
        (
            "principal, action == Rolegate::Action::\"copy_job\", resource",
            "did you mean `Rolegate::Action::\"CopyJob\"`?",
        ),
        ("principal in Group::\"etl\", action, resource", "did you mean `Rolegate::Group`?"),
        ("principal in Rolegate::Groups::\"etl\", action, resource", "did you mean `Rolegate::Group`?"),
    ];
    for (scope, meant) in rows {
        let error = load(&[&format!("@id(\"r\") permit ({scope});")]).unwrap_err();
        assert!(error.contains(meant), "{scope}: {error}");
    }
    for scope in
        ["principal, action == Rolegate::Action::\"Delete\", resource", "principal in Robot::\"x\", action, resource"]
    {
        let error = load(&[&format!("@id(\"r\") permit ({scope});")]).unwrap_err();
        assert!(!error.contains("did you mean"), "{scope}: {error}");
    }
    let attribute = |name: &str| {
        load(&[&format!("@id(\"r\") permit (principal, action, resource) when {{ resource.{name} == 1 }};")])
            .unwrap_err()
    };
    assert!(attribute("lenght").contains("did you mean `length`?"), "{}", attribute("lenght"));
    assert!(!attribute("colour").contains("did you mean"), "{}", attribute("colour"));
}
