//! Snapshot files: the shapes that are read, and what is said of those that are not.

use std::{fs, time::Instant};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::fixture::{World, away, caller, home};
use crate::iam::{Facts, Outcome, Sources, attachment, hop};

fn load(iam: &str, clusters: &str) -> Result<Facts, String> {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let sources = Sources {
        iam: vec![write("iam.json", iam)],
        clusters: vec![write("clusters.json", clusters)],
        service_control: Vec::new(),
    };
    let place = format!("{}/", folder.path().display());
    Facts::load(&sources).map_err(|error| error.to_string().replace(&place, ""))
}

fn is_allowed(facts: &Facts) -> bool {
    let caller = caller(facts.cluster("demo").unwrap(), "etl");
    let first = attachment(facts, &[home("RoleA").clone()], &caller);
    let second = hop(facts, &home("RoleA"), &away("RoleB"), 1, &caller);
    first.outcome == Outcome::Allowed && second.outcome == Outcome::Allowed
}

/// Percent-encodes every byte but letters and digits, as the IAM API does.
fn encoded(document: &Json) -> Json {
    let encode =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    Json::from(document.to_string().bytes().map(encode).collect::<String>())
}

#[test]
fn shapes_of_documents_and_pages() {
    let world = World::new();
    let clusters = world.clusters.to_string();
    let pages = format!("{}\n{}", world.home, world.away);
    assert!(is_allowed(&load(&pages, &clusters).unwrap()), "concatenated pages");
    let pages = json!([world.home, world.away]).to_string();
    let facts = load(&pages, &clusters).unwrap();
    assert!(is_allowed(&facts), "an array of pages");
    assert_eq!((facts.role_count(), facts.accounts().count(), facts.version().len()), (9, 2, 12));
    assert_eq!(facts.version(), load(&pages, &clusters).unwrap().version());

    let shapes: [fn(&Json) -> Json; 2] = [encoded, |document| Json::from(document.to_string())];
    for shape in shapes {
        let mut world = World::new();
        for page in [&mut world.home, &mut world.away] {
            for role in page["RoleDetailList"].as_array_mut().unwrap() {
                role["AssumeRolePolicyDocument"] = shape(&role["AssumeRolePolicyDocument"]);
                role["RolePolicyList"][0]["PolicyDocument"] = shape(&role["RolePolicyList"][0]["PolicyDocument"]);
            }
        }
        assert!(is_allowed(&world.load()));
    }
}

#[test]
fn what_is_wrong_with_a_file() {
    let world = World::new();
    let clusters = world.clusters.to_string();
    let mut bad_arn = World::new();
    bad_arn.home["RoleDetailList"][1]["Arn"] = json!("arn:aws:iam::1:role/x");
    let mut bad_document = World::new();
    bad_document.home["RoleDetailList"][0]["AssumeRolePolicyDocument"] = json!("{\"Version\":");
    let home = world.home.to_string();
    let rows = [
        (
            "{\n \"a\": ,",
            &*clusters,
            "iam.json:2:7: not JSON: expected value at line 2 column 7; expected the output of aws iam \
         get-account-authorization-details, saved with --output json",
        ),
        (
            "",
            &clusters,
            "iam.json: line 1: expected the output of aws iam get-account-authorization-details; the file is empty: \
         write it again",
        ),
        (
            "{\"Roles\": []}",
            &clusters,
            "iam.json: page 1, top level: expected RoleDetailList and Policies; write the file with: \
         aws iam get-account-authorization-details",
        ),
        (
            "{\"RoleDetailList\": [], \"IsTruncated\": true}",
            &clusters,
            "iam.json: page 1, IsTruncated: expected a page that \
         goes on with the listing; the output is cut off: write it again with aws iam get-account-authorization-details, without --max-items, \
         --page-size and --no-paginate, or append what the same command says with --starting-token",
        ),
        (
            &bad_arn.home.to_string(),
            &clusters,
            "iam.json: page 1, RoleDetailList[1].Arn: expected a role's ARN; \
         \"arn:aws:iam::1:role/x\" has an account that is not twelve digits",
        ),
        (
            &bad_document.home.to_string(),
            &clusters,
            "iam.json: page 1, RoleDetailList[0] (role RoleA): expected the policy \
         document of the trust policy; its policy text is not JSON that IAM takes: EOF while parsing a value at line 1 column 11",
        ),
        (
            &format!("{home}{home}"),
            &clusters,
            "iam.json: page 2, RoleDetailList[0] (role RoleA): expected each role once; the \
         role was read before: keep one snapshot of each account",
        ),
        (
            &home,
            "{\"Clusters\": [{\"ClusterIdentifier\": 3}]}",
            "clusters.json: page 1, Clusters[0].ClusterIdentifier: expected \
         a text; write the file again with the command",
        ),
    ];
    for (iam, clusters, want) in rows {
        assert_eq!(load(iam, clusters).err().as_deref(), Some(want));
    }
}

#[test]
fn identity_of_clusters() {
    let role = json!([{"IamRoleArn": "arn:aws:iam::123456789012:role/RoleA", "ApplyStatus": "in-sync"}]);
    let namespace = "arn:aws-us-gov:redshift:us-gov-west-1:111122223333:namespace:x";
    let rows = [
        (
            json!({"ClusterNamespaceArn": namespace, "AvailabilityZone": "eu-west-1a"}),
            Some("us-gov-west-1"),
            Some("111122223333"),
        ),
        (json!({"AvailabilityZone": "us-east-1a", "IamRoles": role}), Some("us-east-1"), Some("123456789012")),
        (json!({"AvailabilityZone": "us-west-2-lax-1a"}), Some("us-west-2"), None),
        (json!({}), None, None),
    ];
    for (mut cluster, region, account) in rows {
        cluster["ClusterIdentifier"] = json!("demo");
        let facts = load("{\"RoleDetailList\": []}", &json!({"Clusters": [cluster]}).to_string()).unwrap();
        let found = facts.cluster("demo").unwrap();
        assert_eq!(
            (found.region(), found.account().map(|id| id.to_string()).as_deref()),
            (region, account),
            "{cluster}"
        );
        assert_eq!(found.database_user_arn("etl").is_some(), region.is_some() && account.is_some());
    }
}

/// The guide names two services and two forms of a workgroup's ARN: what they do not agree on is undecided.
#[test]
fn serverless_workgroup() {
    let by_id = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/5bce";
    let by_name = "arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/demo";
    let both = json!(["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]);
    let rows = [
        ("both services, both ARNs", both.clone(), json!([by_id, by_name]), "allowed"),
        ("one service", json!("redshift-serverless.amazonaws.com"), json!([by_id, by_name]), "unknown"),
        ("one form of the ARN", both.clone(), json!(by_id), "unknown"),
        ("another workgroup", both, json!("arn:aws:redshift-serverless:us-east-1:123456789012:workgroup/x"), "denied"),
        ("another service", json!("ec2.amazonaws.com"), json!([by_id, by_name]), "denied"),
    ];
    for (name, service, arn, want) in rows {
        let mut world = World::new();
        let trust = &mut world.role_mut(&home("RoleA"))["AssumeRolePolicyDocument"]["Statement"][0];
        trust["Principal"] = json!({"Service": service});
        trust["Condition"] = json!({"StringEquals": {
            "sts:ExternalId": "arn:aws:redshift:us-east-1:123456789012:dbuser:serverless-123456789012-5bce/etl",
            "aws:SourceArn": arn,
        }});
        world.clusters = json!([
            {"workgroups": [{"workgroupName": "demo", "workgroupId": "5bce", "namespaceName": "ns", "workgroupArn": by_id}]},
            {"namespaces": [{"namespaceName": "ns", "iamRoles": [
                "IamRole(applyStatus=in-sync,iamRoleArn=arn:aws:iam::123456789012:role/RoleA)",
                "IamRole(applyStatus=in-sync, iamRoleArn=arn:aws:iam::123456789012:role/Friend)",
            ]}]},
        ]);
        let facts = world.load();
        let judge =
            |facts: &Facts| attachment(facts, &[home("RoleA")], &caller(facts.cluster("demo").unwrap(), "etl")).outcome;
        let outcome = judge(&facts);
        assert_eq!(outcome.decision().as_str(), want, "{name}: {outcome:?}");
        if let Some(refusal) = outcome.refusal() {
            let statements = &mut world.role_mut(&home("RoleA"))["AssumeRolePolicyDocument"]["Statement"];
            statements.as_array_mut().unwrap().push(refusal.addition.clone().unwrap().statement);
            assert_eq!(judge(&world.load()), Outcome::Allowed, "{name}, the remedy followed: {refusal:?}");
        }
    }
}

/// A verdict that is not cached is quick: far below what a statement's way through the gate may cost.
#[test]
fn a_cold_chain_is_quick() {
    let facts = World::new().load();
    let caller = caller(facts.cluster("demo").unwrap(), "etl");
    let rounds = 200;
    let started = Instant::now();
    for _ in 0..rounds {
        drop(attachment(&facts, &[home("RoleA").clone()], &caller));
        drop(hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller));
        drop(hop(&facts, &home("RoleA"), &away("RoleEtl"), 2, &caller));
    }
    let each = started.elapsed() / rounds;
    // Ten times the goal: test machines are slow and busy.
    assert!(each.as_micros() < 1000, "{each:?}");
}

/// A listing that is cut off is refused wherever it stands, with the command that reads the rest; one that goes on is read.
#[test]
fn listings_that_are_cut_off() {
    let world = World::new();
    let (home, away, clusters) = (world.home.to_string(), world.away.to_string(), world.clusters.to_string());
    let with = |page: &str, key: &str, value: Json| {
        let mut page: Json = serde_json::from_str(page).unwrap();
        page[key] = value;
        page.to_string()
    };
    let tokens =
        [("NextToken", json!("x")), ("Marker", json!("x")), ("IsTruncated", json!(true)), ("nextToken", json!("x"))];
    let workgroups = json!({"workgroups": [], "nextToken": "x"}).to_string();
    let namespaces = json!({"namespaces": []}).to_string();
    for (key, value) in tokens {
        let is_of_iam = key != "nextToken";
        let (cut_home, cut_clusters) = (with(&home, key, value.clone()), with(&clusters, key, value));
        let iam = "write it again with aws iam get-account-authorization-details, without --max-items";
        let redshift = "write it again with aws redshift describe-clusters, without --max-items";
        let rows = [
            ("the last page", cut_home.clone(), clusters.clone(), iam),
            ("before another account's", format!("{cut_home}{away}"), clusters.clone(), iam),
            ("clusters", home.clone(), cut_clusters.clone(), redshift),
            ("clusters before workgroups", home.clone(), format!("{cut_clusters}{namespaces}"), redshift),
        ];
        for (name, iam, clusters, want) in rows.into_iter().filter(|row| is_of_iam || row.3 == redshift) {
            let found = load(&iam, &clusters).err().unwrap_or_default();
            assert!(found.contains(&format!("{key}: ")) && found.contains(want), "{key}, {name}: {found}");
        }
        let rest = json!({"RoleDetailList": [], "Policies": []}).to_string();
        let pages = format!("{cut_home}{rest}{away}");
        assert!(!is_of_iam || is_allowed(&load(&pages, &clusters).unwrap()), "{key}: the rest follows");
        let pages = format!("{cut_clusters}{}", json!({"Clusters": []}));
        assert!(
            is_allowed(&load(&format!("{home}{away}"), &pages).unwrap()),
            "{key}: the rest of the clusters follows"
        );
    }
    let found = load(&home, &format!("{clusters}{workgroups}{namespaces}")).err().unwrap();
    assert!(
        found.contains("page 2, nextToken") && found.contains("aws redshift-serverless list-workgroups"),
        "{found}"
    );
    let quiet = with(&with(&with(&home, "IsTruncated", json!(false)), "Marker", json!("")), "NextToken", Json::Null);
    assert!(load(&quiet, &clusters).is_ok(), "empty tokens say that nothing follows");
}

/// What `--filter` or `--query` left out is unknown: neither "no role" nor "no policy".
#[test]
fn lists_that_were_left_out() {
    let judge = |world: &World| {
        let facts = world.load();
        hop(&facts, &home("RoleA"), &away("RoleB"), 1, &caller(facts.cluster("demo").unwrap(), "etl")).outcome
    };
    let decided = |change: &dyn Fn(&mut World)| {
        let mut world = World::new();
        change(&mut world);
        judge(&world).decision().as_str()
    };
    let drop_key = |role: &mut Json, key: &str| {
        role.as_object_mut().unwrap().remove(key).unwrap();
    };
    let tagged = |world: &mut World| {
        let trust = &mut world.role_mut(&away("RoleB"))["AssumeRolePolicyDocument"]["Statement"][0];
        trust["Condition"] = json!({"StringEquals": {"aws:PrincipalTag/team": "etl"}});
    };
    assert_eq!(decided(&|world| tagged(world)), "denied", "the role was listed with its tags, and has none");
    assert_eq!(
        decided(&|world| {
            tagged(world);
            drop_key(world.role_mut(&home("RoleA")), "Tags");
        }),
        "unknown",
        "its tags were not listed"
    );
    for key in ["RolePolicyList", "AttachedManagedPolicies"] {
        assert_eq!(decided(&|world| drop_key(world.role_mut(&home("RoleA")), key)), "unknown", "{key} may hold a Deny");
    }
    let policy = json!({"Arn": "arn:aws:iam::210987654321:policy/P", "PolicyVersionList": []});
    assert_eq!(decided(&|world| world.away = json!({"Policies": [policy]})), "unknown", "roles were filtered out");
    assert_eq!(decided(&|world| world.away["RoleDetailList"] = json!([])), "unknown", "an empty page is of no account");
    let emptied = |world: &mut World| world.away = json!({"RoleDetailList": [], "Policies": [policy]});
    assert_eq!(decided(&emptied), "denied", "the account was listed, and has no role");
}

/// A file may come from PowerShell or be compressed; a policy with a key twice is no policy of IAM.
#[test]
fn encodings_and_keys_that_stand_twice() {
    let world = World::new();
    let utf16 = |text: &str| {
        [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect::<Vec<u8>>()
    };
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let folder = TempDir::new().unwrap();
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let sources = Sources {
        iam: vec![
            write("home.json", utf16(&world.home.to_string())),
            write("away.json.gz", gzip(&world.away.to_string())),
        ],
        clusters: vec![write("clusters.json", utf16(&world.clusters.to_string()))],
        service_control: Vec::new(),
    };
    assert!(is_allowed(&Facts::load(&sources).unwrap()));

    let twice = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Effect": "Deny"}]}"#;
    let role = |field: &str| {
        let trust = if field == "trust" { twice } else { "{}" };
        let inline = if field == "inline" { twice } else { "{}" };
        format!(
            r#"{{"RoleDetailList": [{{"Arn": "arn:aws:iam::123456789012:role/R", "AssumeRolePolicyDocument": {trust},
                "RolePolicyList": [{{"PolicyName": "p", "PolicyDocument": {inline}}}], "AttachedManagedPolicies": []}}]}}"#
        )
    };
    let managed = format!(
        r#"{{"Policies": [{{"Arn": "arn:aws:iam::123456789012:policy/P", "DefaultVersionId": "v1",
            "PolicyVersionList": [{{"VersionId": "v1", "Document": {}}}]}}]}}"#,
        json!(twice)
    );
    let clusters = world.clusters.to_string();
    for (place, text) in
        [("trust policy", role("trust")), ("inline policy \"p\"", role("inline")), ("managed policy", managed)]
    {
        let found = load(&text, &clusters).err().unwrap_or_default();
        assert!(
            found.contains(place) && found.contains("the key \"Effect\" stands in one object twice"),
            "{place}: {found}"
        );
    }
}

/// A reload reads the file that changed, and shares what is known of every other account with the facts before.
#[test]
fn a_reload_shares_what_did_not_change() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, value: &Json| {
        let path = folder.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        let settled = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        fs::File::options().write(true).open(&path).unwrap().set_modified(settled).unwrap();
        path
    };
    let mut world = World::new();
    let sources =
        Sources { iam: vec![write("home.json", &world.home), write("away.json", &world.away)], ..Sources::default() };
    let before = Facts::load(&sources).unwrap();
    world.away["RoleDetailList"].as_array_mut().unwrap().pop();
    write("away.json", &world.away);
    let after = Facts::load_after(&sources, &before).unwrap();
    let is_shared = |role: &crate::chain::RoleArn| {
        let account = |facts: &Facts| std::sync::Arc::clone(&facts.accounts[&role.account()]);
        std::sync::Arc::ptr_eq(&account(&before), &account(&after))
    };
    assert!(is_shared(&home("RoleA")), "an account whose file did not change");
    assert!(!is_shared(&away("RoleB")), "one whose file did");
    assert_eq!(after.role_count() + 1, before.role_count());
    assert_ne!(after.version(), before.version());
    let again = Facts::load_after(&sources, &after).unwrap();
    assert_eq!(again.version(), after.version(), "nothing changed");
}
