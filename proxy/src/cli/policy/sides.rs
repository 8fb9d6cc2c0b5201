//! What `policy diff` and `policy lint` look at: a configuration, or files of rules under one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chain::RoleArn;
use crate::cli::choice::gate_of;
use crate::config::Config;
use crate::gate::policy::{ClusterGroups, Parts, Policy};
use crate::iam::Cluster;
use crate::rules::RuleSet;
use crate::rules::names::{KnownNames, RuleWarning};
use crate::serve::build::Base;
use crate::survey::chains::allowed;
use crate::survey::circumstances::GateFacts;

/// A policy with what the grid is made of.
#[derive(Debug)]
pub(super) struct PolicySide {
    pub(super) policy: Policy,
    pub(super) gates: Vec<GateFacts>,
    pub(super) warnings: Vec<RuleWarning>,
}

/// What rules among `paths` are judged under. `None`: there are no rules among them, or no configuration.
pub(super) fn base(config: Option<&Path>, paths: &[&Path]) -> Result<Option<Base>, String> {
    let needed = config.filter(|_| paths.iter().any(|path| is_rules(path)));
    needed.map(read).transpose()
}

fn read(config: &Path) -> Result<Base, String> {
    let config = Config::load(config).map_err(|error| error.to_string())?;
    Base::read(config).map_err(|error| error.to_string())
}

impl PolicySide {
    /// Loads a configuration; or rules (`*.cedar`, or a folder of them) under `base`, or under none.
    pub(super) fn load(path: &Path, base: Option<&Base>, gate: Option<&str>) -> Result<Self, String> {
        match base {
            _ if !is_rules(path) => {
                let base = read(path)?;
                Self::of(&base, &base.config().policy.rules, gate)
            }
            Some(base) => Self::of(base, &rules_of(path)?, gate),
            None => Self::bare(path),
        }
    }

    fn bare(path: &Path) -> Result<Self, String> {
        let rules = RuleSet::load(&rules_of(path)?).map_err(|error| error.to_string())?;
        let warnings = rules.warnings(&KnownNames::default());
        let policy = Policy::new(Parts::without_facts()).with_rules(Arc::new(rules));
        Ok(Self { policy, gates: Vec::new(), warnings })
    }

    fn of(base: &Base, rules: &[PathBuf], name: Option<&str>) -> Result<Self, String> {
        let config = base.config();
        let gate = gate_of(config, name)?;
        let (policy, warnings) = base.policy(gate, rules).map_err(|error| error.to_string())?;
        let facts = policy.iam().map(|iam| Arc::clone(&iam.facts));
        let account = |cluster: &str| facts.as_ref()?.cluster(cluster)?.account();
        let gates = config.gate.iter().filter(|one| name.is_none_or(|name| one.name == name)).map(|gate| GateFacts {
            name: gate.name.clone(),
            cluster: gate.cluster.clone(),
            account: account(&gate.cluster),
        });
        Ok(Self { gates: gates.collect(), policy: policy.with_catalog(ClusterGroups::NotRead), warnings })
    }

    /// Chains that the facts allow; and whether there are more.
    pub(super) fn chains(&self) -> (Vec<Vec<RoleArn>>, bool) {
        let Some(iam) = self.policy.iam() else { return (Vec::new(), false) };
        let of = |cluster: &Cluster| allowed(&iam.facts, iam.caller(cluster, "", None));
        iam.facts.cluster(&iam.cluster).map(of).unwrap_or_default()
    }
}

fn is_rules(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|extension| extension == "cedar")
}

/// The file, or the files of the folder.
fn rules_of(path: &Path) -> Result<Vec<PathBuf>, String> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |error| format!("{}: {error}", path.display());
    let entries = fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let is_rules = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "cedar");
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_rules).collect();
    files.sort();
    if files.is_empty() { Err(format!("{}: holds no *.cedar file", path.display())) } else { Ok(files) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    /// (path, whether it holds rules and is no configuration)
    #[test]
    fn rules_are_told_from_configurations() {
        let folder = tempfile::tempdir().unwrap();
        for (name, want) in
            [("a.cedar", true), ("a.toml", false), ("cedar", false), ("a.cedar.bak", false), ("a.CEDAR", false)]
        {
            let path = folder.path().join(name);
            assert_eq!(is_rules(&path), want, "{name}");
        }
        assert!(is_rules(folder.path()), "a folder of rules");
    }

    #[test]
    fn a_folder_gives_its_rules_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let told = rules_of(folder.path()).unwrap_err();
        assert_eq!(told, format!("{}: holds no *.cedar file", folder.path().display()));
        for name in ["z.cedar", "a.cedar", "notes.txt", ".cedar"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(names(&rules_of(folder.path()).unwrap()), ["a.cedar", "z.cedar"]);
        assert_eq!(
            rules_of(Path::new("/nowhere/x.cedar")).unwrap(),
            [PathBuf::from("/nowhere/x.cedar")],
            "a file is itself"
        );
    }

    /// Rules alone are judged without groups, gates and facts; a name in them is not called unknown for that.
    #[test]
    fn rules_without_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.cedar");
        fs::write(&path, "@id(\"a\") permit (principal in Rolegate::Group::\"etl\", action, resource);").unwrap();
        let side = PolicySide::load(&path, None, None).unwrap();
        assert_eq!((side.policy.rules().len(), side.gates.len(), side.warnings.len()), (1, 0, 0));
        assert_eq!(side.chains(), (Vec::new(), false));
        fs::write(&path, "permit (principal, action").unwrap();
        let told = PolicySide::load(&path, None, None).unwrap_err();
        assert!(told.starts_with(&format!("{}:1:", path.display())), "{told}");
        assert!(base(None, &[&path]).unwrap().is_none());
        assert!(
            base(Some(Path::new("/nowhere.toml")), &[Path::new("a.toml")]).unwrap().is_none(),
            "not needed, so not read"
        );
        assert!(base(Some(Path::new("/nowhere.toml")), &[&path]).unwrap_err().contains("/nowhere.toml"));
    }

    /// The gates of a configuration, all or the named one, with their clusters.
    #[test]
    fn gates_of_a_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        let gate = |name: &str, port: u16| {
            format!(
                "[[gate]]\nname = \"{name}\"\ncluster = \"c-{name}\"\nlisten = \"127.0.0.1:{port}\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
            )
        };
        fs::write(&path, gate("etl", 5439) + &gate("bi", 5441)).unwrap();
        let gates = |name: Option<&str>| -> Vec<String> {
            let side = PolicySide::load(&path, None, name).unwrap();
            side.gates.iter().map(|gate| format!("{} {} {:?}", gate.name, gate.cluster, gate.account)).collect()
        };
        assert_eq!(gates(None), ["etl c-etl None", "bi c-bi None"]);
        assert_eq!(gates(Some("bi")), ["bi c-bi None"]);
        assert!(PolicySide::load(&path, None, Some("x")).unwrap_err().contains("use one of etl, bi"));
    }
}
