//! A small world: two accounts, a cluster, roles that fit together in some ways and not in others.

use std::{fs, path::PathBuf, sync::LazyLock};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::{
    chain::RoleArn,
    iam::{Caller, Cluster, EvaluationMode, ExternalIdOn, Facts, Sources, StatedContext},
};

pub(super) const HOME: &str = "123456789012";
pub(super) const AWAY: &str = "210987654321";
pub(super) const ETL: &str = "arn:aws:redshift:us-east-1:123456789012:dbuser:demo/etl";

#[derive(Debug)]
pub(super) struct World {
    pub(super) home: Json,
    pub(super) away: Json,
    pub(super) clusters: Json,
    pub(super) organisation: Option<Json>,
}

pub(super) fn arn(account: &str, name: &str) -> RoleArn {
    RoleArn::parse(&format!("arn:aws:iam::{account}:role/{name}")).unwrap()
}

pub(super) fn home(name: &str) -> RoleArn {
    arn(HOME, name)
}

pub(super) fn away(name: &str) -> RoleArn {
    arn(AWAY, name)
}

pub(super) fn document(statements: &Json) -> Json {
    json!({"Version": "2012-10-17", "Statement": statements})
}

pub(super) fn role(arn: &RoleArn, trust: &Json, permissions: &Json) -> Json {
    json!({
        "Path": arn.path(), "RoleName": arn.name(), "RoleId": format!("AROA{}", arn.name().to_uppercase()), "Arn": arn.as_str(),
        "AssumeRolePolicyDocument": document(trust),
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": document(permissions)}],
        "AttachedManagedPolicies": [], "Tags": [],
    })
}

/// An Allow in a trust policy.
pub(super) fn trusts(principal: &Json) -> Json {
    json!([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])
}

/// An Allow in a permissions policy.
pub(super) fn may_assume(roles: &[RoleArn]) -> Json {
    let roles: Vec<_> = roles.iter().map(RoleArn::as_str).collect();
    json!([{"Sid": "Assume", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}])
}

impl World {
    pub(super) fn new() -> Self {
        let service = trusts(&json!({"Service": "redshift.amazonaws.com"}));
        let role_a = trusts(&json!({"AWS": home("RoleA").as_str()}));
        let mut for_etl = role_a.clone();
        for_etl[0]["Condition"] = json!({"StringEquals": {"sts:ExternalId": ETL}});
        let next = ["RoleB", "RoleC", "RoleEtl", "RoleX", "Guarded"].map(away);
        let nothing = json!([]);
        Self {
            home: json!({
                "RoleDetailList": [
                    role(&home("RoleA"), &service, &may_assume(&next)),
                    role(&home("Unready"), &service, &nothing),
                    role(&home("NoService"), &role_a, &nothing),
                    role(&home("Friend"), &role_a, &nothing),
                ],
                "Policies": [],
            }),
            away: json!({
                "RoleDetailList": [
                    role(&away("RoleB"), &role_a, &nothing),
                    role(&away("RoleC"), &trusts(&json!({"Service": "ec2.amazonaws.com"})), &nothing),
                    role(&away("RoleD"), &role_a, &nothing),
                    role(&away("RoleEtl"), &for_etl, &nothing),
                    role(&away("Guarded"), &role_a, &nothing),
                ],
                "Policies": [],
            }),
            clusters: json!({"Clusters": [{
                "ClusterIdentifier": "demo", "AvailabilityZone": "us-east-1a",
                "ClusterNamespaceArn": format!("arn:aws:redshift:us-east-1:{HOME}:namespace:0"),
                "IamRoles": [
                    {"IamRoleArn": home("RoleA").as_str(), "ApplyStatus": "in-sync"},
                    {"IamRoleArn": home("NoService").as_str(), "ApplyStatus": "in-sync"},
                    {"IamRoleArn": home("Unready").as_str(), "ApplyStatus": "adding"},
                ],
            }]}),
            organisation: None,
        }
    }

    /// One role's entry.
    pub(super) fn role_mut(&mut self, arn: &RoleArn) -> &mut Json {
        let page = if arn.account().to_string() == HOME { &mut self.home } else { &mut self.away };
        let roles = page["RoleDetailList"].as_array_mut().unwrap();
        roles.iter_mut().find(|role| role["Arn"] == arn.as_str()).unwrap()
    }

    pub(super) fn load(&self) -> Facts {
        self.load_with(&[])
    }

    /// The same with more snapshots of accounts. One without a role or policy is left out.
    pub(super) fn load_with(&self, others: &[&Json]) -> Facts {
        let folder = TempDir::new().unwrap();
        let write = |name: &str, value: &Json| -> PathBuf {
            let path = folder.path().join(name);
            fs::write(&path, value.to_string()).unwrap();
            path
        };
        let sources = Sources {
            iam: [&self.home, &self.away]
                .into_iter()
                .chain(others.iter().copied())
                .enumerate()
                .map(|(number, page)| write(&format!("{number}.json"), page))
                .collect(),
            clusters: vec![write("clusters.json", &self.clusters)],
            service_control: self.organisation.iter().map(|value| write("organisation.json", value)).collect(),
        };
        Facts::load(&sources).unwrap()
    }
}

static NOTHING_STATED: LazyLock<StatedContext> = LazyLock::new(StatedContext::default);

pub(super) fn caller<'a>(cluster: &'a Cluster, database_user: &'a str) -> Caller<'a> {
    Caller {
        cluster,
        database_user,
        written_user: None,
        external_id: None,
        external_id_on: ExternalIdOn::Same,
        mode: EvaluationMode::Guide,
        stated: &NOTHING_STATED,
        now: "2026-11-23T12:00:00Z".parse().unwrap(),
    }
}
