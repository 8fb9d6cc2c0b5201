//! Expected verdicts, for `rolegate policy test`: one TOML file, which names a configuration and holds a table of cases.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::catalog::{CatalogDraft, LearnedFrom, ObjectKind, ObjectName, StoredObject, SystemView};
use crate::config::error::{self, ConfigError};
use crate::gate::codes::Code;
use crate::gate::enforcement::Action;
use crate::gate::judge_alone;
use crate::gate::policy::Policy;
use crate::gate::principal::{Attributes, Principal};
use crate::gate::stored::{Stored, StoredMode};
use crate::gate::verdict::Verdict;

/// A file of cases. Its paths are resolved against its own folder.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The configuration under test.
    pub config: PathBuf,
    /// The gate of the configuration; the first when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<String>,
    /// Rules to use instead of the configuration's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Vec<PathBuf>>,
    /// External schemas of the cluster, each with the text of its `IAM_ROLE`: what names one is judged as where `[policy] stored` enforces.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stored: BTreeMap<String, String>,
    /// The cases, in order.
    #[serde(default, rename = "case")]
    pub cases: Vec<Case>,
}

/// Who sends what, and the verdict that is expected.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case shows.
    pub name: String,
    /// The database user.
    pub user: String,
    /// The user's groups; those of the configuration when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    /// The database.
    #[serde(default)]
    pub database: String,
    /// `application_name`.
    #[serde(default)]
    pub application: String,
    /// Where the session comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_address: Option<IpAddr>,
    /// The subject of the client's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_subject: Option<String>,
    /// The alternative names of that certificate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_names: Vec<String>,
    /// The time, RFC 3339; now when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
    /// The text of the message.
    pub sql: String,
    /// What enforcement is expected to do with it, whatever mode the configuration has.
    pub verdict: Action,
    /// The finding codes that are expected, in any order; not compared when not set.
    #[serde(default, deserialize_with = "codes", skip_serializing_if = "Option::is_none")]
    pub codes: Option<Vec<Code>>,
}

fn codes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Code>>, D::Error> {
    let code = |word: &String| {
        word.parse().map_err(|_unknown| D::Error::custom(format!("{word} is not a finding code; see docs/findings.md")))
    };
    Option::<Vec<String>>::deserialize(deserializer)?.map(|words| words.iter().map(code).collect()).transpose()
}

impl Case {
    /// Judges the case under a policy; `now` is the time of one that names none. `None`: nothing in it is to be judged.
    #[must_use]
    pub fn judge(&self, policy: &Policy, now: Timestamp) -> Option<Verdict> {
        let principal = Principal::new(Attributes {
            groups: self.groups.clone(),
            database: self.database.clone(),
            application: self.application.clone(),
            client_address: self.client_address,
            tls_subject: self.tls_subject.clone(),
            tls_names: self.tls_names.clone(),
            ..Attributes::of_login(&self.user)
        });
        judge_alone(policy, self.sql.as_bytes(), &principal, self.time.unwrap_or(now))
    }
}

impl CaseFile {
    /// What the cluster stores, where the file says it.
    #[must_use]
    pub fn stored(&self) -> Option<Stored> {
        if self.stored.is_empty() {
            return None;
        }
        let mut draft = CatalogDraft::default();
        for (name, role) in &self.stored {
            let from = LearnedFrom::View(SystemView::SvvExternalSchemas);
            let schema = StoredObject::new(ObjectKind::ExternalSchema, ObjectName::bare(None, name), from);
            draft.add(schema.with_iam_role(role));
        }
        Some(Stored::new(StoredMode::Enforce, Arc::new(draft.finish())))
    }

    /// Reads a file of cases.
    ///
    /// # Errors
    /// [`ConfigError`]: names the file and the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut file: Self =
            toml::from_str(&text).map_err(|error| error::syntax(path, &text, error.span(), error.message()))?;
        if file.cases.is_empty() {
            let what = "there is no [[case]], so nothing would be tested".to_owned();
            return Err(error::entry(path, &text, 0, what));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        file.config = folder.join(&file.config);
        for rules in file.rules.iter_mut().flatten() {
            *rules = folder.join(&*rules);
        }
        Ok(file)
    }

    /// The file as TOML.
    ///
    /// # Errors
    /// A path is no UTF-8.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string_pretty(self).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::policy::Parts;

    const CASE: &str = "config = \"gate/rolegate.toml\"\n[[case]]\nname = \"a\"\nuser = \"etl\"\nsql = \"select 1\"\nverdict = \"forward\"\n";

    fn load(text: &str) -> Result<CaseFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cases.toml");
        fs::write(&path, text).unwrap();
        let shown = |error: ConfigError| error.to_string().replace(&path.display().to_string(), "cases.toml");
        let own = |path: &Path| path.strip_prefix(folder.path()).unwrap_or(path).to_owned();
        let strip = |mut file: CaseFile| {
            file.config = own(&file.config);
            file.rules = file.rules.map(|rules| rules.iter().map(|path| own(path)).collect());
            file
        };
        CaseFile::load(&path).map(strip).map_err(shown)
    }

    /// Paths are those of the file's own folder, absolute ones stay.
    #[test]
    fn paths_are_of_the_folder() {
        let file = load(CASE).unwrap();
        assert_eq!((file.config.as_path(), file.gate, file.rules), (Path::new("gate/rolegate.toml"), None, None));
        let text = format!("rules = [\"a.cedar\", \"/etc/b.cedar\"]\ngate = \"g\"\n{}", CASE.replace("gate/", "/etc/"));
        let file = load(&text).unwrap();
        assert_eq!(file.rules.unwrap(), [PathBuf::from("a.cedar"), PathBuf::from("/etc/b.cedar")]);
        assert_eq!((file.config.as_path(), file.gate.as_deref()), (Path::new("/etc/rolegate.toml"), Some("g")));
    }

    /// (what stands in the file, what in its place, the message)
    #[test]
    fn a_mistake_is_named() {
        for (old, new, want) in [
            (CASE, "config = \"x\"\n", "cases.toml: line 1: there is no [[case]], so nothing would be tested"),
            ("user = \"etl\"\n", "", "cases.toml: line 2, column 1: not valid TOML: missing field `user`"),
            ("\"forward\"", "\"pass\"", "cases.toml: line 6, column 11: not valid TOML: unknown variant `pass`"),
            ("verdict", "verdct", "cases.toml: line 6, column 1: not valid TOML: unknown field `verdct`"),
            (
                "\"forward\"\n",
                "\"forward\"\ncodes = [\"RG999\"]\n",
                "cases.toml: line 7, column 9: not valid TOML: RG999 is not a finding code; see docs/findings.md",
            ),
            (
                "\"forward\"\n",
                "\"forward\"\nclient_address = \"host\"\n",
                "cases.toml: line 7, column 18: not valid TOML: invalid IP address",
            ),
            ("\"forward\"\n", "\"forward\"\ntime = \"now\"\n", "cases.toml: line 7, column 8: not valid TOML: "),
        ] {
            let told = load(&CASE.replace(old, new)).unwrap_err();
            assert!(told.starts_with(want), "{told}");
        }
        let told = CaseFile::load(Path::new("/nowhere/cases.toml")).unwrap_err().to_string();
        assert!(told.starts_with("/nowhere/cases.toml: cannot be read: "), "{told}");
    }

    /// What is written is read again, whatever letters it holds.
    #[test]
    fn what_is_written_is_read_again() {
        let hostile = "a \"b\" \\ \n'''\"\"\" \u{1}\u{e9}";
        let full = Case {
            name: hostile.to_owned(),
            user: hostile.to_owned(),
            groups: Some(vec![hostile.to_owned()]),
            database: "d".to_owned(),
            application: String::new(),
            client_address: Some("2001:db8::1".parse().unwrap()),
            tls_subject: Some("CN=x".to_owned()),
            tls_names: vec!["y".to_owned()],
            time: Some("2026-01-02T03:04:05Z".parse().unwrap()),
            sql: hostile.to_owned(),
            verdict: Action::Reject,
            codes: Some(vec![Code::Rg101, Code::Rg301]),
        };
        let bare = Case {
            groups: None,
            client_address: None,
            tls_subject: None,
            tls_names: Vec::new(),
            time: None,
            codes: None,
            ..full.clone()
        };
        let empty = Case { groups: Some(Vec::new()), codes: Some(Vec::new()), ..bare.clone() };
        let file = CaseFile {
            config: PathBuf::from("c.toml"),
            gate: Some("g".to_owned()),
            rules: Some(vec![PathBuf::from("r.cedar")]),
            stored: BTreeMap::from([("lake".to_owned(), hostile.to_owned())]),
            cases: vec![full, bare, empty],
        };
        assert_eq!(load(&file.to_toml().unwrap()), Ok(file));
    }

    /// A case is judged for its own user, groups and time; for now where it names none.
    #[test]
    fn a_case_is_judged_as_it_says() {
        let rules = "@id(\"all\") permit (principal, action, resource);
            @id(\"x\") forbid (principal in Rolegate::Group::\"g\", action, resource) when { context.now < datetime(\"2026-01-01\") };";
        let rules = crate::rules::RuleSet::from_text(Path::new("r.cedar"), rules.to_owned()).unwrap();
        let groups = [("g".to_owned(), vec!["etl".to_owned()])].into();
        let policy = Policy::new(Parts { rules: std::sync::Arc::new(rules), groups, ..Parts::without_facts() });
        let copy = "copy t from 's3://b/x' iam_role 'arn:aws:iam::123456789012:role/A'";
        let case = load(&CASE.replace("select 1", copy)).unwrap().cases.remove(0);
        let [early, late] =
            ["2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z"].map(|time| time.parse::<Timestamp>().unwrap());
        let said = |case: &Case, now| case.judge(&policy, now).map(|verdict| verdict.would_be);
        assert_eq!((said(&case, early), said(&case, late)), (Some(Action::Reject), Some(Action::Forward)));
        assert_eq!(said(&Case { time: Some(early), ..case.clone() }, late), Some(Action::Reject));
        assert_eq!(said(&Case { groups: Some(Vec::new()), ..case.clone() }, early), Some(Action::Forward));
        assert_eq!(said(&Case { user: "bob".to_owned(), ..case.clone() }, early), Some(Action::Forward));
        assert_eq!(said(&Case { sql: "select 1".to_owned(), ..case }, early), None);
    }
}
