//! Remedies followed to the letter: the call passes, nobody else gains anything, and IAM would take the policy.

use serde_json::{Value as Json, json};

use super::fixture::{AWAY, ETL, HOME, World, arn, away, caller, document, home, may_assume, role, trusts};
use crate::{
    chain::{Chain, RoleArn},
    iam::{AdditionPlace, Cause, Decision, Facts, Outcome, Refusal, attachment, hop},
};

/// Numbers that are the same each time: xorshift.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 20) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())].clone()
    }
}

const ORGANISATION: &str = "o-a1b2c3d4e5";

fn conditions() -> Vec<Json> {
    vec![
        json!({}),
        json!({"StringEquals": {"sts:ExternalId": ETL}}),
        json!({"StringLike": {"sts:ExternalId": "*/analyst"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}}),
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "data"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "other"}, "StringLike": {"sts:ExternalId": "*demo*"}}),
        json!({"StringNotEquals": {"aws:PrincipalTag/team": "data"}}),
        json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        json!({"StringEquals": {"aws:SourceArn": "arn:aws:redshift:us-east-1:123456789012:cluster:demo"}}),
        json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}),
        json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/Other*"}}),
        json!({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}),
        json!({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-other/*"}}),
        json!({"Null": {"aws:PrincipalTag/team": "true"}}),
    ]
}

fn trust_statement(dice: &mut Dice) -> Json {
    let principals = [
        json!({"AWS": home("RoleA").as_str()}),
        json!({"AWS": home("Friend").as_str()}),
        json!({"AWS": HOME}),
        json!({"AWS": "*"}),
        json!("*"),
        json!({"AWS": AWAY}),
        json!({"Service": "redshift.amazonaws.com"}),
    ];
    let mut statement = json!({"Effect": "Allow", "Principal": dice.pick(&principals), "Action": "sts:AssumeRole"});
    let condition = dice.pick(&conditions());
    if condition != json!({}) {
        statement["Condition"] = condition;
    }
    statement
}

fn permission_statement(dice: &mut Dice) -> Json {
    let resources = ["*", "arn:aws:iam::210987654321:role/RoleB", "arn:aws:iam::210987654321:role/Other"];
    let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": dice.pick(&resources)});
    let condition = dice.pick(&conditions());
    if condition != json!({}) {
        statement["Condition"] = condition;
    }
    statement
}

/// A world with random policies between `RoleA` and `RoleB`.
fn random_world(dice: &mut Dice) -> World {
    let mut world = World::new();
    let trust: Vec<Json> = (0..=dice.below(3)).map(|_| trust_statement(dice)).collect();
    let permissions: Vec<Json> = (0..=dice.below(2)).map(|_| permission_statement(dice)).collect();
    world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&Json::from(trust));
    world.role_mut(&home("RoleA"))["RolePolicyList"] =
        json!([{"PolicyName": "own", "PolicyDocument": document(&Json::from(permissions))}]);
    world.role_mut(&home("RoleA"))["Tags"] = json!([{"Key": "team", "Value": "data"}]);
    world.role_mut(&home("Friend"))["RolePolicyList"] =
        json!([{"PolicyName": "own", "PolicyDocument": document(&may_assume(&[away("RoleB")]))}]);
    if dice.below(4) == 0 {
        world.role_mut(&home("RoleA"))["PermissionsBoundary"] =
            json!({"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Edge"});
        world.role_mut(&home("Friend"))["PermissionsBoundary"] =
            json!({"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/Edge"});
        world.home["Policies"] = json!([{"Arn": "arn:aws:iam::123456789012:policy/Edge", "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "Document": document(&json!([]))}]}]);
    }
    if dice.below(2) == 0 {
        let member = json!({"org_id": ORGANISATION, "org_path": "o-a1b2c3d4e5/r-1/", "scps": [], "rcps": []});
        world.organisation = Some(json!({"accounts": {HOME: member, AWAY: member}}));
    }
    world
}

fn put(world: &mut World, place: AdditionPlace, statement: &Json) {
    match place {
        AdditionPlace::Trust => {
            let trust = &mut world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"]["Statement"];
            trust.as_array_mut().unwrap().push(statement.clone());
        }
        AdditionPlace::Identity => {
            let policies = world.role_mut(&home("RoleA"))["RolePolicyList"].as_array_mut().unwrap();
            let name = format!("remedy{}", policies.len());
            policies.push(json!({"PolicyName": name, "PolicyDocument": document(&json!([statement]))}));
        }
        AdditionPlace::Boundary => {
            let document = &mut world.home["Policies"][0]["PolicyVersionList"][0]["Document"];
            document["Statement"].as_array_mut().unwrap().push(statement.clone());
        }
        AdditionPlace::SessionPolicy | AdditionPlace::ServiceControl => panic!("the worlds have none"),
    }
}

/// What others may do: other roles, and other users of the same role.
fn others(facts: &Facts) -> Vec<Decision> {
    let cluster = facts.cluster("demo").unwrap();
    let roles = [home("Friend"), home("NoService"), away("RoleC"), away("RoleEtl")];
    let by_role = roles.iter().map(|source| hop(facts, source, &away("RoleB"), 1, &caller(cluster, "etl")));
    let to_others = ["RoleC", "RoleD", "RoleEtl"].map(away);
    let to_others = to_others.iter().map(|target| hop(facts, &home("RoleA"), target, 1, &caller(cluster, "etl")));
    by_role.chain(to_others).map(|step| step.outcome.decision()).collect()
}

fn other_users(facts: &Facts) -> Vec<Decision> {
    let cluster = facts.cluster("demo").unwrap();
    ["analyst", "root", "etl2"]
        .map(|user| hop(facts, &home("RoleA"), &away("RoleB"), 1, &caller(cluster, user)).outcome.decision())
        .to_vec()
}

fn would_be_taken(statement: &Json, refusal: &Refusal) {
    let fields = statement.as_object().unwrap();
    assert!(!fields.contains_key("Sid"), "two statements of one policy may not share a Sid");
    assert_eq!(fields["Effect"], "Allow");
    assert_eq!(fields["Action"], "sts:AssumeRole");
    assert!(!statement.to_string().contains("\"*\""), "it names this caller and this role: {statement}");
    let remedy = refusal.remedy.as_ref().unwrap();
    assert!(remedy.ends_with('}') && remedy.contains('{'), "{remedy}");
    assert!(!remedy.contains("take out"), "{remedy}");
}

/// The statement that the evidence names as the one that came near, of the policy that the proposal is for.
fn spoken_of(world: &mut World, place: AdditionPlace, evidence: &str) -> Option<Json> {
    let number: usize =
        evidence.split("statement ").nth(1)?.split(|digit: char| !digit.is_ascii_digit()).next()?.parse().ok()?;
    let statements = match place {
        AdditionPlace::Trust if evidence.starts_with("the trust policy of role") => {
            world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"]["Statement"].clone()
        }
        AdditionPlace::Identity if evidence.starts_with("inline policy \"own\"") => {
            world.role_mut(&home("RoleA"))["RolePolicyList"][0]["PolicyDocument"]["Statement"].clone()
        }
        _ => return None,
    };
    statements.get(number.checked_sub(1)?).cloned()
}

/// The condition keys of a statement that another lacks.
fn missing_keys(statement: &Json, other: &Json) -> Vec<String> {
    let keys = |statement: &Json| -> Vec<String> {
        let operators = statement["Condition"].as_object().into_iter().flatten();
        let keys = operators.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
        keys.map(|(key, _)| key.to_lowercase()).collect()
    };
    let held = keys(other);
    keys(statement).into_iter().filter(|key| !held.contains(key)).collect()
}

/// Each statement that is proposed lets this caller through, and changes nothing for others.
#[test]
fn a_remedy_is_for_this_caller_alone() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut followed, mut passed, mut repeated) = (0, 0, 0);
    for number in 0..400 {
        let mut world = random_world(&mut dice);
        for _round in 0..4 {
            let facts = world.load();
            let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
            let Some(refusal) = step.outcome.refusal() else {
                passed += 1;
                break;
            };
            let remedy = refusal.remedy.as_ref().unwrap_or_else(|| panic!("{number}: {refusal:?}"));
            assert!(!remedy.is_empty() && !remedy.contains("take out"), "{number}: {remedy}");
            let Some(addition) = &refusal.addition else { break };
            would_be_taken(&addition.statement, refusal);
            if let Some(beside) = spoken_of(&mut world, addition.to, &refusal.evidence) {
                assert_eq!(
                    missing_keys(&beside, &addition.statement),
                    Vec::<String>::new(),
                    "{number}: {beside} and {remedy}"
                );
                repeated += 1;
            }
            let (before, users_before) = (others(&facts), other_users(&facts));
            let tells_apart =
                world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"].to_string().contains("sts:ExternalId");
            put(&mut world, addition.to, &addition.statement);
            let facts = world.load();
            assert_eq!(others(&facts), before, "{number}: others gain by {remedy}");
            if addition.to == AdditionPlace::Trust && tells_apart {
                assert_eq!(other_users(&facts), users_before, "{number}: other users gain by {remedy}");
            }
            let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
            let again = step.outcome.refusal().and_then(|refusal| refusal.addition.as_ref());
            assert_ne!(again, Some(addition), "{number}: the same again after {remedy}");
            followed += 1;
        }
    }
    assert!(
        followed > 200 && passed > 100 && repeated > 50,
        "{followed} statements added, {passed} calls passed, {repeated} had a statement beside them"
    );
}

/// (what the row shows, the condition that guards `{"AWS":"*"}`, what the hint names)
#[test]
fn no_guard_is_taken_out() {
    let rows = [
        (
            "organisation",
            json!({"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}}),
            "\"org_id\" of account 123456789012",
        ),
        ("user", json!({"StringEquals": {"sts:ExternalId": "x"}}), "\"sts:ExternalId\":\"arn:aws:redshift:us-east-1"),
        ("second factor", json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), "leave statement 1 as it is"),
        ("address", json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "\"aws:SourceIp\" in [facts.context]"),
        ("network", json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}}), "\"aws:SourceVpc\" in [facts.context]"),
        (
            "region",
            json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            "\"aws:RequestedRegion\" in [facts.context]",
        ),
        (
            "chat bot",
            json!({"ArnLike": {"aws:ChatbotSourceArn": "arn:aws:chatbot::1:*"}}),
            "leave statement 1 as it is",
        ),
        (
            "session name",
            json!({"StringEquals": {"sts:RoleSessionName": "x"}}),
            "\"sts:RoleSessionName\" in [facts.context]",
        ),
    ];
    for (name, condition, want) in rows {
        let mut world = World::new();
        let mut trust = trusts(&json!({"AWS": "*"}));
        trust[0]["Condition"] = condition;
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&trust);
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let remedy = step.outcome.refusal().unwrap().remedy.clone().unwrap();
        assert!(remedy.contains(want), "{name}: {remedy}");
        assert!(!remedy.contains("take out") && !remedy.contains(r#""AWS":"*""#), "{name}: {remedy}");
    }
}

/// The statement that is meant for this caller is the one that is spoken of.
#[test]
fn the_nearest_miss() {
    let for_role = json!({"AWS": home("RoleA").as_str()});
    let (never, twice) = (
        json!({"StringEquals": {"aws:PrincipalTag/team": "x"}}),
        json!({"StringEquals": {"aws:PrincipalTag/team": "x", "aws:PrincipalTag/unit": "y"}}),
    );
    let user = json!({"StringEquals": {"sts:ExternalId": "x"}});
    let statement = |principal: &Json, condition: &Json| json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition});
    let (account, anybody) = (json!({"AWS": HOME}), json!({"AWS": "*"}));
    let rows = [
        ("a role before its account", vec![statement(&account, &never), statement(&for_role, &never)], 2),
        ("an account before everybody", vec![statement(&anybody, &never), statement(&account, &never)], 2),
        ("fewer failing conditions", vec![statement(&for_role, &twice), statement(&for_role, &never)], 2),
        ("another key before the user", vec![statement(&for_role, &user), statement(&for_role, &never)], 2),
    ];
    for (name, statements, want) in rows {
        let mut world = World::new();
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&Json::from(statements));
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let evidence = &step.outcome.refusal().unwrap().evidence;
        assert!(evidence.contains(&format!("statement {want}:")), "{name}: {evidence}");
    }
}

/// A tag condition of the permission stands in the remedy too.
#[test]
fn the_permission_repeats_the_conditions_beside_it() {
    let mut world = World::new();
    let permission = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/team": "other", "aws:ResourceAccount": AWAY}}}]);
    world.role_mut(&home("RoleA"))["Tags"] = json!([{"Key": "team", "Value": "data"}]);
    world.role_mut(&home("RoleA"))["RolePolicyList"] =
        json!([{"PolicyName": "own", "PolicyDocument": document(&permission)}]);
    let facts = world.load();
    let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
    let addition = step.outcome.refusal().unwrap().addition.clone().unwrap();
    let keys = &addition.statement["Condition"]["StringEquals"];
    assert_eq!(keys, &json!({"aws:PrincipalTag/team": "data", "aws:ResourceAccount": AWAY}));
}

/// A statement that is proposed where another misses the caller asks for what the others ask for, or none is proposed.
#[test]
fn what_stands_beside_a_miss_keeps_its_conditions() {
    let network = json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
    let team = json!({"StringEquals": {"aws:PrincipalTag/team": "data"}});
    let trust = |principal: Json, action: &str, condition: &Json| json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition});
    let gone = || json!({"AWS": "AROAEXAMPLEDELETED"});
    // (the trust policy, the conditions of what is proposed; none: nothing is)
    let rows = [
        (vec![trust(gone(), "sts:AssumeRole", &team)], Some(&team)),
        (vec![trust(json!({"AWS": "arn:aws:iam::123456789021:role/RoleA"}), "sts:AssumeRole", &team)], Some(&team)),
        (vec![trust(json!({"AWS": "arn:aws:iam::123456789012:user/RoleA"}), "sts:AssumeRole", &team)], Some(&team)),
        (vec![trust(json!({"AWS": home("RoleA").as_str()}), "sts:TagSession", &team)], Some(&team)),
        (vec![trust(gone(), "sts:AssumeRole", &team), trust(gone(), "sts:AssumeRole", &team)], Some(&team)),
        (vec![trust(gone(), "sts:AssumeRole", &team), trust(gone(), "sts:AssumeRole", &network)], None),
        (vec![trust(gone(), "sts:AssumeRole", &json!({}))], Some(&Json::Null)),
        (vec![trust(json!({"Service": "ec2.amazonaws.com"}), "sts:AssumeRole", &network)], Some(&Json::Null)),
    ];
    for (statements, want) in rows {
        let mut world = World::new();
        world.role_mut(&home("RoleA"))["Tags"] = json!([{"Key": "team", "Value": "data"}]);
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&Json::from(statements.clone()));
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let addition = step.outcome.refusal().unwrap().addition.as_ref();
        let found = addition.map(|addition| &addition.statement["Condition"]);
        assert_eq!(found, want, "{statements:?}");
        assert!(step.outcome.refusal().unwrap().remedy.is_some(), "{statements:?}");
    }
}

/// The same of a permission whose resource is not quite the role.
#[test]
fn what_stands_beside_a_resource_that_misses_keeps_its_conditions() {
    let user = json!({"StringEquals": {"sts:ExternalId": ETL}});
    for (resource, want) in [
        ("arn:aws:iam::210987654321:role/roleb", &user),
        ("arn:aws:iam::210987654321:role/x/RoleB", &user),
        ("arn:aws:iam::210987654322:role/RoleB", &user),
        ("arn:aws:iam::210987654321:role/Unlike", &Json::Null),
    ] {
        let mut world = World::new();
        let permission =
            json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": resource, "Condition": user}]);
        world.role_mut(&home("RoleA"))["RolePolicyList"] =
            json!([{"PolicyName": "own", "PolicyDocument": document(&permission)}]);
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let addition = step.outcome.refusal().unwrap().addition.clone().unwrap();
        assert_eq!(&addition.statement["Condition"], want, "{resource}");
    }
}

/// A boundary or a level that would allow the call, but for a condition, is its owner's guard: it is named, and nothing gets around it.
#[test]
fn guards_of_boundaries_and_levels_stay() {
    let guarded = |condition: &Json| {
        document(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}]))
    };
    let all = document(&json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    for condition in [
        json!({"StringLike": {"sts:ExternalId": "*/analyst"}}),
        json!({"StringEquals": {"aws:ResourceOrgID": "o-zzzzzzzzzz"}}),
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
    ] {
        let mut world = World::new();
        let levels = json!([{"level": "root", "policies": [all]}, {"level": "ou", "policies": [guarded(&condition)]}]);
        world.organisation = Some(json!({"accounts": {
            HOME: {"org_id": ORGANISATION, "scps": levels, "rcps": []}, AWAY: {"org_id": ORGANISATION, "scps": [], "rcps": []}}}));
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let Outcome::Denied(refusal) = step.outcome else { panic!("{condition}: {:?}", step.outcome) };
        assert!(refusal.addition.is_none(), "{condition}: {refusal:?}");
        assert!(refusal.evidence.contains("statement 1 of "), "{condition}: {}", refusal.evidence);
        assert!(refusal.remedy.is_some_and(|remedy| remedy.starts_with("ask the owner of ")), "{condition}");
    }
}

#[test]
fn a_trust_policy_that_would_become_too_long_says_so() {
    let mut world = World::new();
    let many: Vec<String> = (0..45).map(|number| arn(HOME, &format!("Loader{number:03}")).to_string()).collect();
    world.role_mut(&away("RoleC"))["AssumeRolePolicyDocument"] = document(&trusts(&json!({"AWS": many})));
    let facts = world.load();
    let step = hop(&facts, &home("RoleA"), &away("RoleC"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
    let remedy = step.outcome.refusal().unwrap().remedy.clone().unwrap();
    assert!(remedy.contains("more than the 2048 that IAM takes by default"), "{remedy}");
}

/// Trust policies that miss: what the evidence says.
#[test]
fn what_is_named_in_place_of_the_caller() {
    let rows = [
        (json!({"AWS": "arn:aws:iam::123456789012:role/team/RoleA"}), "unknown", ""),
        (json!({"AWS": "arn:aws-cn:iam::123456789012:role/RoleA"}), "denied", "differs in its partition"),
        (json!({"AWS": "arn:aws:iam::123456789021:role/RoleA"}), "denied", "differs in its account number"),
        (json!({"AWS": "AROAEXAMPLEDELETED"}), "denied", "the id of a role that was deleted"),
        (json!({"Service": "redshift.amazonaws.com"}), "denied", "a service counts for the first role of a chain only"),
    ];
    for (principal, decision, want) in rows {
        let mut world = World::new();
        world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"] = document(&trusts(&principal));
        let facts = world.load();
        let step = hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        assert_eq!(step.outcome.decision().as_str(), decision, "{principal}");
        let evidence = &step.outcome.refusal().unwrap().evidence;
        assert!(evidence.contains(want), "{principal}: {evidence}");
    }
}

/// The boundary and the organisation's level are named, and what is proposed for them is for this role alone.
#[test]
fn levels_and_boundaries_are_named() {
    let all = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let s3 = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}});
    let mut world = World::new();
    let levels = json!([{"level": "root", "policies": [all]}, {"level": "ou-data", "policies": [s3]}]);
    world.organisation = Some(json!({"accounts": {
        HOME: {"org_id": ORGANISATION, "scps": levels, "rcps": []}, AWAY: {"org_id": ORGANISATION, "scps": [], "rcps": []}}}));
    let judge = |world: &World| {
        let facts = world.load();
        hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl")).outcome
    };
    let outcome = judge(&world);
    let refusal = outcome.refusal().unwrap();
    assert_eq!(
        (refusal.cause, refusal.evidence.as_str()),
        (Cause::ExplicitDeny, "nothing at level ou-data over account 123456789012 allows it")
    );
    let addition = refusal.addition.as_ref().unwrap();
    assert_eq!(addition.statement["Condition"], json!({"ArnEquals": {"aws:PrincipalArn": home("RoleA").as_str()}}));
    let policies = &mut world.organisation.as_mut().unwrap()["accounts"][HOME]["scps"][1]["policies"];
    policies.as_array_mut().unwrap().push(document(&json!([addition.statement])));
    assert_eq!(judge(&world), Outcome::Allowed);
    // The management account is bound by none of them.
    let home_account = &mut world.organisation.as_mut().unwrap()["accounts"][HOME];
    home_account["scps"] = json!([{"level": "root", "policies": [s3]}]);
    assert!(matches!(judge(&world), Outcome::Denied(_)));
    world.organisation.as_mut().unwrap()["accounts"][HOME]["management"] = json!(true);
    assert_eq!(judge(&world), Outcome::Allowed);
}

/// A chain that is not attached: (what the row shows, the chain, the start of the hint, what to write instead).
#[test]
fn attachments_by_cause() {
    let (a, b) = (home("RoleA"), away("RoleB"));
    let chain = format!("iam_role '{a},{b}'");
    let rows = [
        (
            "another account",
            vec![b.clone()],
            format!("reach it by a chain from an attached role: {chain}"),
            Some(vec![a.clone(), b.clone()]),
        ),
        (
            "the wrong order",
            vec![b.clone(), a.clone()],
            format!("write the chain in the order in which roles are assumed: {chain}"),
            Some(vec![a.clone(), b.clone()]),
        ),
        ("another case", vec![home("rolea")], format!("did you mean {a}?"), Some(vec![a.clone()])),
        (
            "a path added",
            vec![home("service-role/RoleA")],
            format!("did you mean {a}? If not: aws redshift modify-cluster-iam-roles"),
            Some(vec![a.clone()]),
        ),
        (
            "another partition",
            vec![RoleArn::parse("arn:aws-cn:iam::123456789012:role/RoleA").unwrap()],
            format!("did you mean {a}?"),
            Some(vec![a.clone()]),
        ),
        ("a mistyped account", vec![arn("123456789021", "RoleA")], format!("did you mean {a}?"), Some(vec![a.clone()])),
        ("a slip", vec![home("RolA")], format!("did you mean {a}?"), Some(vec![a.clone()])),
        (
            "a service-linked role",
            vec![home("aws-service-role/redshift.amazonaws.com/AWSServiceRoleForRedshift")],
            "it is a service-linked role, which cannot be attached".to_owned(),
            None,
        ),
        (
            "not attached yet",
            vec![home("Friend")],
            format!(
                "aws redshift modify-cluster-iam-roles --cluster-identifier demo --add-iam-roles {}",
                home("Friend")
            ),
            None,
        ),
        ("on its way", vec![home("Unready")], "wait until the role is in-sync".to_owned(), None),
    ];
    let facts = World::new().load();
    let caller = caller(facts.cluster("demo").unwrap(), "etl");
    for (name, written, want, instead) in rows {
        let step = attachment(&facts, &written, &caller);
        let refusal = step.outcome.refusal().unwrap_or_else(|| panic!("{name}: allowed"));
        assert_eq!(refusal.cause, Cause::NotAttached, "{name}");
        let remedy = refusal.remedy.as_ref().unwrap();
        assert!(remedy.starts_with(&want), "{name}: {remedy}");
        let Some(instead) = instead else { continue };
        let text = instead.iter().map(RoleArn::as_str).collect::<Vec<_>>().join(",");
        let chain = Chain::parse(&text).unwrap();
        assert_eq!(attachment(&facts, chain.roles(), &caller).outcome, Outcome::Allowed, "{name}");
        for (number, source, target) in chain.hops() {
            assert_eq!(hop(&facts, source, target, number, &caller).outcome, Outcome::Allowed, "{name}");
        }
    }
}

/// A serverless namespace takes the whole list of its roles.
#[test]
fn the_command_of_a_serverless_workgroup() {
    let mut world = World::new();
    world.clusters = json!({
        "workgroups": [{"workgroupName": "demo", "workgroupId": "5bce", "namespaceName": "ns",
            "workgroupArn": "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/5bce"}],
        "namespaces": [{"namespaceName": "ns", "iamRoles": [format!("IamRole(applyStatus=in-sync, iamRoleArn={})", home("RoleA"))]}],
    });
    let facts = world.load();
    let step = attachment(&facts, &[home("Friend")], &caller(facts.cluster("demo").unwrap(), "etl"));
    let remedy = step.outcome.refusal().unwrap().remedy.clone().unwrap();
    let want = format!(
        "aws redshift-serverless update-namespace --namespace-name ns --iam-roles {} {}",
        home("RoleA"),
        home("Friend")
    );
    assert_eq!(remedy, want);
}

/// Roles that are not in the facts: what is meant instead.
#[test]
fn unknown_roles_by_likeness() {
    let mut world = World::new();
    let nested = RoleArn::parse("arn:aws:iam::210987654321:role/service-role/Loader").unwrap();
    let roles = world.away["RoleDetailList"].as_array_mut().unwrap();
    roles.push(role(&nested, &trusts(&json!("*")), &json!([])));
    let facts = world.load();
    let rows = [
        (away("Loader"), Some("differs in its path")),
        (away("roleetl"), Some("differs in its case")),
        (arn("210987654312", "RoleEtl"), Some("differs in its account number")),
        (away("Guarde"), Some("differs in its spelling")),
        (away("Nothing"), None),
    ];
    for (target, want) in rows {
        let step = hop(&facts, &home("RoleA"), &target, 1, &caller(facts.cluster("demo").unwrap(), "etl"));
        let refusal = step.outcome.refusal().unwrap();
        assert_eq!(refusal.cause, Cause::UnknownRole, "{target}");
        assert_eq!(refusal.remedy.as_ref().unwrap().starts_with("did you mean"), want.is_some(), "{refusal:?}");
        assert!(want.is_none_or(|want| refusal.evidence.contains(want)), "{refusal:?}");
    }
}

/// What is proposed names ARNs of the partition in which the roles are.
#[test]
fn proposals_stay_in_their_partition() {
    for partition in ["aws-us-gov", "aws-cn", "aws-iso-b"] {
        let moved = |value: &Json| -> Json {
            serde_json::from_str(&value.to_string().replace("arn:aws:", &format!("arn:{partition}:"))).unwrap()
        };
        let mut world = World::new();
        (world.home, world.away, world.clusters) = (moved(&world.home), moved(&world.away), moved(&world.clusters));
        let facts = world.load();
        let caller = caller(facts.cluster("demo").unwrap(), "analyst");
        let role =
            |role: &RoleArn| RoleArn::parse(&role.as_str().replace("arn:aws:", &format!("arn:{partition}:"))).unwrap();
        assert_eq!(attachment(&facts, &[role(&home("RoleA"))], &caller).outcome, Outcome::Allowed);
        for target in ["RoleC", "RoleD", "RoleEtl"] {
            let step = hop(&facts, &role(&home("RoleA")), &role(&away(target)), 1, &caller);
            let statement = step.outcome.refusal().unwrap().addition.as_ref().unwrap().statement.to_string();
            assert!(statement.contains(&format!("arn:{partition}:")) && !statement.contains("arn:aws:"), "{statement}");
        }
        let step = hop(&facts, &role(&home("RoleA")), &away("RoleB"), 1, &caller);
        assert_eq!(
            step.outcome.refusal().map(|refusal| &refusal.addition),
            Some(&None),
            "no statement leads across partitions"
        );
    }
}
