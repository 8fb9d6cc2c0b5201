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
            return Err(error::syntax(path, &text, None, "there is no [[case]], so nothing would be tested"));
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
