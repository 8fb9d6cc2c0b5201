//! Guards over all chains of the small world, and over what it does not tell.

use serde_json::{Value as Json, json};

use super::fixture::{AWAY, HOME, World, arn, away, caller, home, may_assume, role, trusts};
use crate::chain::{AccountId, RoleArn};
use crate::iam::{Caller, EvaluationMode, Explorer, Facts, Guard, Proof, prove, unseen_chains};

const VAULT: &str = "999999999999";

fn account(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

fn proof(facts: &Facts, user: &str, guard: &Guard) -> Proof {
    prove(facts, caller(facts.cluster("demo").unwrap(), user), guard)
}

/// How a proof ends, its chain by names, and its doubts by hop.
fn told(proof: &Proof) -> (&'static str, Vec<String>, Vec<(usize, String)>) {
    let (word, witness) = match proof {
        Proof::Holds => return ("holds", Vec::new(), Vec::new()),
        Proof::Broken(witness) => ("broken", witness),
        Proof::Undecided(witness) => ("undecided", witness),
    };
    let name = |role: &str| role.rsplit('/').next().unwrap_or_default().to_owned();
    let doubts = witness.steps.iter().enumerate().filter_map(|(hop, step)| Some((hop, step.doubt.clone()?)));
    (word, witness.steps.iter().map(|step| name(&step.role)).collect(), doubts.collect())
}

fn only(role: &RoleArn, sources: &[&str]) -> Guard {
    Guard::Only { role: role.clone(), sources: sources.iter().map(|name| home(name)).collect() }
}

#[test]
fn guards() {
    let mut world = World::new();
    let member = json!({"org_id": "o-a", "scps": [], "rcps": []});
    world.organisation = Some(json!({"accounts": {HOME: member, AWAY: {"org_id": "o-b", "scps": [], "rcps": []}}}));
    let facts = world.load();
    let rows = [
        ("an account that nothing reaches", Guard::NeverAccount(account(VAULT)), "", "holds", None),
        ("an account that is reached", Guard::NeverAccount(account(AWAY)), "", "broken", Some("Guarded")),
        ("only this role", only(&away("RoleB"), &["RoleA"]), "", "holds", None),
        ("another role", only(&away("RoleB"), &["Friend"]), "", "broken", Some("RoleB")),
        ("for some database user", only(&away("RoleEtl"), &[]), "", "undecided", Some("RoleEtl")),
        ("for this user", only(&away("RoleEtl"), &[]), "etl", "broken", Some("RoleEtl")),
        ("out of the organisation", Guard::WithinOrganisation("o-a".to_owned()), "", "broken", Some("Guarded")),
    ];
    for (name, guard, user, word, last) in rows {
        let (found, chain, doubts) = told(&proof(&facts, user, &guard));
        assert_eq!((found, chain.last().map(String::as_str)), (word, last), "{name}");
        assert_eq!(chain.len(), if last.is_some() { 2 } else { 0 }, "{name}");
        assert_eq!(doubts.is_empty(), word != "undecided", "{name}: {doubts:?}");
    }
}

/// A world in which `RoleA` may assume anything, `Mid` of the other account trusts it and may assume anything, and `Vault` trusts `Mid`.
fn open_world() -> (World, Json) {
    let mut world = World::new();
    let anything = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}]);
    let service = trusts(&json!({"Service": "redshift.amazonaws.com"}));
    *world.role_mut(&home("RoleA")) = role(&home("RoleA"), &service, &anything);
    let mid = role(&away("Mid"), &trusts(&json!({"AWS": home("RoleA").as_str()})), &anything);
    world.away["RoleDetailList"].as_array_mut().unwrap().push(mid);
    let vault = role(&arn(VAULT, "Vault"), &trusts(&json!({"AWS": away("Mid").as_str()})), &json!([]));
    (world, json!({"RoleDetailList": [vault], "Policies": []}))
}

/// What is not known is never taken for "no": a guard is undecided, and says what is missing.
#[test]
fn absent_facts_leave_guards_undecided() {
    let never = Guard::NeverAccount(account(VAULT));
    let prove_with = |world: &World, others: &[&Json], guard: &Guard| told(&proof(&world.load_with(others), "", guard));
    let (world, vault) = open_world();
    assert_eq!(prove_with(&world, &[&vault], &never).0, "broken", "with all facts");
    let unlisted = json!({"Policies": [{"Arn": format!("arn:aws:iam::{VAULT}:policy/x")}]});
    let (mut no_away, mut no_roles, mut ghost, mut adding) =
        (open_world().0, open_world().0, open_world().0, open_world().0);
    no_away.away = json!({"RoleDetailList": [], "Policies": []});
    no_roles.clusters["Clusters"][0].as_object_mut().unwrap().remove("IamRoles");
    ghost.clusters["Clusters"][0]["IamRoles"] =
        json!([{"IamRoleArn": home("Ghost").as_str(), "ApplyStatus": "in-sync"}]);
    adding.clusters["Clusters"][0]["IamRoles"] =
        json!([{"IamRoleArn": home("RoleA").as_str(), "ApplyStatus": "adding"}]);
    let within = Guard::WithinOrganisation("o-a".to_owned());
    let mut listed = open_world().0;
    listed.away = json!({"RoleDetailList": [], "Policies": []});
    let member = json!({"org_id": "o-a", "scps": [], "rcps": []});
    listed.organisation = Some(json!({"accounts": {HOME: member, AWAY: member}}));
    // (what is missing, the facts, more snapshots, the guard, words of the doubt)
    let rows: [(&str, &World, &[&Json], &Guard, &str); 9] = [
        ("the account", &world, &[], &never, "the roles of account 999999999999 were not read"),
        ("the list of its roles", &world, &[&unlisted], &never, "account 999999999999 does not list its roles"),
        ("an account between", &no_away, &[&vault], &never, "the roles of account 210987654321 were not read"),
        ("the attached roles", &no_roles, &[&vault], &never, "cluster demo does not list its roles"),
        ("an attached role", &ghost, &[&vault], &never, "no such role"),
        ("whether a role is attached", &adding, &[&vault], &never, "is adding"),
        (
            "the guarded role",
            &world,
            &[],
            &only(&arn(VAULT, "Vault"), &[]),
            "the roles of account 999999999999 were not read",
        ),
        ("an account of the organisation", &listed, &[], &within, "account 210987654321, accounts"),
        ("the organisation", &world, &[&vault], &within, "no file of facts.service_control"),
    ];
    for (name, world, others, guard, why) in rows {
        let (outcome, chain, doubts) = prove_with(world, others, guard);
        assert_eq!(outcome, "undecided", "{name}");
        assert!(doubts.iter().any(|(_, doubt)| doubt.contains(why)), "{name}: {chain:?} {doubts:?}");
    }
}

/// What is not known does not matter where nothing leads there.
#[test]
fn absent_facts_that_nothing_reaches() {
    let facts = World::new().load();
    assert_eq!(
        proof(&facts, "", &Guard::NeverAccount(account(VAULT))),
        Proof::Holds,
        "no permission names the account"
    );
    assert_eq!(proof(&facts, "", &only(&arn(VAULT, "Vault"), &[])), Proof::Holds);
    let mut world = World::new();
    *world.role_mut(&home("RoleA")) = role(
        &home("RoleA"),
        &trusts(&json!({"Service": "redshift.amazonaws.com"})),
        &may_assume(&[arn(VAULT, "Vault"), away("RoleB")]),
    );
    let facts = world.load();
    assert_eq!(
        told(&proof(&facts, "", &only(&arn(VAULT, "Vault"), &["RoleA"]))).0,
        "undecided",
        "others of that account may"
    );
    assert_eq!(told(&proof(&facts, "", &only(&arn(VAULT, "Other"), &[]))).0, "undecided", "by way of the vault");
}

/// Inside one account IAM is content with a trust policy: what only a gate refuses is no obstacle to other ways in.
#[test]
fn a_proof_goes_by_iams_own_rules() {
    let facts = World::new().load();
    let cluster = facts.cluster("demo").unwrap();
    for mode in [EvaluationMode::Guide, EvaluationMode::Aws] {
        let by = Caller { mode, ..caller(cluster, "") };
        let Proof::Broken(witness) = prove(&facts, by, &only(&home("Friend"), &[])) else { panic!("{mode:?}") };
        assert_eq!(witness.note.is_some(), mode == EvaluationMode::Guide, "{mode:?}: {:?}", witness.note);
    }
}

/// Chains of more roles than the gate takes are told, not left out.
#[test]
fn chains_that_are_too_long_for_the_gate() {
    for (length, word) in [(9, "broken"), (10, "broken"), (11, "undecided"), (14, "undecided")] {
        let mut world = World::new();
        let name = |number: usize| if number == 1 { "RoleA".to_owned() } else { format!("D{number}") };
        world.clusters["Clusters"][0]["IamRoles"] =
            json!([{"IamRoleArn": home("RoleA").as_str(), "ApplyStatus": "in-sync"}]);
        let list = world.home["RoleDetailList"].as_array_mut().unwrap();
        list.clear();
        for number in 1..=length {
            let trusted = if number == 1 {
                json!({"Service": "redshift.amazonaws.com"})
            } else {
                json!({"AWS": home(&name(number - 1)).as_str()})
            };
            list.push(role(&home(&name(number)), &trusts(&trusted), &may_assume(&[home(&name(number + 1))])));
        }
        let proof = proof(&world.load(), "", &only(&home(&name(length)), &[]));
        let (found, chain, _) = told(&proof);
        assert_eq!((found, chain.len()), (word, length), "{length}");
        let (Proof::Broken(witness) | Proof::Undecided(witness)) = proof else { panic!() };
        assert_eq!(witness.note.is_some_and(|note| note.contains("more than 10")), length > 10, "{length}");
    }
}

#[test]
fn names_that_guards_must_not_hold() {
    let mut world = World::new();
    world.organisation = Some(json!({"accounts": {HOME: {"org_id": "o-a1b2c3d4e5", "scps": [], "rcps": []}}}));
    let facts = world.load();
    let within = |id: &str| Guard::WithinOrganisation(id.to_owned());
    for guard in [
        Guard::NeverAccount(account(VAULT)),
        only(&arn(VAULT, "Vault"), &["RoleA"]),
        only(&away("RoleB"), &["RoleA"]),
        within("o-a1b2c3d4e5"),
    ] {
        assert_eq!(guard.check(&facts), Ok(()), "{guard:?}");
    }
    for (guard, why) in [
        (only(&away("RolB"), &["RoleA"]), "did you mean arn:aws:iam::210987654321:role/RoleB?"),
        (only(&away("RoleB"), &["Role"]), "did you mean arn:aws:iam::123456789012:role/RoleA?"),
        (only(&away("Nothing"), &[]), "is not in the IAM facts"),
        (only(&arn("210987654322", "RoleB"), &[]), "did you mean arn:aws:iam::210987654321:role/RoleB?"),
        (Guard::NeverAccount(account("210987654312")), "did you mean 210987654321?"),
        (within("x"), "no id of an organisation"),
        (within("o-a1b2c3d4e6"), "did you mean \"o-a1b2c3d4e5\"?"),
        (within("o-zzzzzzzzzz"), "which name o-a1b2c3d4e5"),
    ] {
        let told = guard.check(&facts).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

/// A list of chains says where it may be short of some.
#[test]
fn what_a_list_of_chains_does_not_show() {
    let (mut world, vault) = open_world();
    let target = arn(VAULT, "Vault");
    let unseen = |world: &World, target: &RoleArn| {
        let facts = world.load_with(&[&vault]);
        unseen_chains(Explorer::new(&facts, caller(facts.cluster("demo").unwrap(), "")), target)
    };
    assert_eq!(unseen(&world, &target), [], "all is known");
    world.away = json!({"RoleDetailList": [], "Policies": []});
    let found = unseen(&world, &target);
    let first = found.first().unwrap();
    assert_eq!(first.chain, [home("RoleA").to_string(), away("Mid").to_string()]);
    assert!(first.why.contains("account 210987654321 were not read"), "{first:?}");
    assert_eq!(unseen(&world, &home("Friend")), [], "which trusts none of them");
}
