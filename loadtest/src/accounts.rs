//! Accounts with many roles, as snapshot files: what the facts of a large organisation weigh.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

/// The cluster of the first account.
pub const CLUSTER: &str = "warehouse";

/// How much is generated.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Size {
    /// Accounts
    #[arg(long, default_value_t = 200)]
    pub accounts: u64,
    /// Roles of each account
    #[arg(long, default_value_t = 1000)]
    pub roles: u64,
}

/// The ARN of a role, both numbers counted from 0.
#[must_use]
pub fn role_arn(account: u64, role: u64) -> String {
    format!("arn:aws:iam::{}:role/team/Role{role}", account_id(account))
}

fn account_id(account: u64) -> String {
    format!("{:012}", account.saturating_add(100_000_000_000))
}

/// The chain of `roles` roles that starts with an attached role: each is of the next account, as far as there are accounts.
#[must_use]
pub fn chain(size: Size, roles: u64) -> String {
    let arns: Vec<String> =
        (0..roles).map(|place| role_arn(place % size.accounts.max(1), place / size.accounts.max(1))).collect();
    arns.join(",")
}

/// The files of one generated organisation.
#[derive(Clone, Debug)]
pub struct Files {
    /// One snapshot an account.
    pub iam: Vec<PathBuf>,
    /// The cluster.
    pub clusters: PathBuf,
    /// A configuration that names them.
    pub config: PathBuf,
}

/// Writes snapshots of `size` into `folder`: every role trusts the role of its number in the account before, and the one before
/// it in its own account; it may assume those after it. The first hundred roles of the first account are the service's.
///
/// # Errors
/// The folder cannot be written.
pub fn write(folder: &Path, size: Size) -> io::Result<Files> {
    fs::create_dir_all(folder.join("iam"))?;
    let mut iam = Vec::new();
    for account in 0..size.accounts {
        let path = folder.join("iam").join(format!("{}.json", account_id(account)));
        let roles: Vec<Json> = (0..size.roles).map(|number| role(account, number, size)).collect();
        let mut file = BufWriter::new(fs::File::create(&path)?);
        serde_json::to_writer(&mut file, &json!({ "RoleDetailList": roles, "Policies": [] }))?;
        file.flush()?;
        iam.push(path);
    }
    let attached =
        (0..size.roles.min(50)).map(|role| json!({ "IamRoleArn": role_arn(0, role), "ApplyStatus": "in-sync" }));
    let cluster = json!({
        "ClusterIdentifier": CLUSTER, "AvailabilityZone": "us-east-1a", "IamRoles": attached.collect::<Vec<_>>(),
        "ClusterNamespaceArn": format!("arn:aws:redshift:us-east-1:{}:namespace:n", account_id(0)),
    });
    let clusters = folder.join("clusters.json");
    fs::write(&clusters, json!({ "Clusters": [cluster] }).to_string())?;
    let config = folder.join("rolegate.toml");
    let gate = format!("[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\ncluster = \"{CLUSTER}\"\n");
    let facts = "[facts]\niam = [\"iam/*.json\"]\nclusters = [\"clusters.json\"]\n";
    fs::write(&config, format!("{facts}{gate}[gate.upstream]\naddress = \"localhost:5439\"\n"))?;
    Ok(Files { iam, clusters, config })
}

fn role(account: u64, number: u64, size: Size) -> Json {
    let before = account.checked_add(size.accounts).and_then(|sum| sum.checked_sub(1)).unwrap_or_default()
        % size.accounts.max(1);
    let after = account.saturating_add(1) % size.accounts.max(1);
    let mut trusted = vec![json!({
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": [role_arn(before, number), role_arn(account, number.saturating_sub(1))] },
    })];
    if account == 0 && number < 100 {
        trusted.push(json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "redshift.amazonaws.com" },
        }));
    }
    let next = [role_arn(after, number), role_arn(account, number.saturating_add(1))];
    let permissions = json!([
        { "Sid": "Data", "Effect": "Allow", "Action": ["s3:Get*", "s3:List*"], "Resource": "*" },
        { "Sid": "Next", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": next },
    ]);
    let document = |statements: Json| json!({ "Version": "2012-10-17", "Statement": statements });
    json!({
        "Path": "/team/", "RoleName": format!("Role{number}"), "RoleId": format!("AROA{account:08}{number:08}"),
        "Arn": role_arn(account, number), "AssumeRolePolicyDocument": document(Json::from(trusted)),
        "RolePolicyList": [{ "PolicyName": "own", "PolicyDocument": document(permissions) }],
        "AttachedManagedPolicies": [], "Tags": [{ "Key": "team", "Value": format!("team{}", number % 40) }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolegate::config::Config;
    use rolegate::serve::build;

    #[test]
    fn what_is_generated_loads_and_its_chain_passes() {
        let folder = tempfile::tempdir().unwrap();
        let size = Size { accounts: 3, roles: 5 };
        let files = write(folder.path(), size).unwrap();
        let config = Config::load(&files.config).unwrap();
        let policy = build::policy(&config, &config.gate[0]).unwrap();
        assert_eq!(policy.iam().unwrap().facts.role_count(), 15);
        let sql = format!("copy t from 's3://b/x' iam_role '{}'", chain(size, 3));
        let user = rolegate::gate::principal::Principal::new(rolegate::gate::principal::Attributes::default());
        let verdict = rolegate::gate::judge_alone(&policy, sql.as_bytes(), &user, jiff::Timestamp::now()).unwrap();
        assert_eq!(verdict.codes(), [], "{verdict:?}");
    }
}
