//! Guards over all chains, for `rolegate iam prove`: one TOML file with a table of them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::chain::{AccountId, RoleArn};
use crate::config::error::{self, ConfigError};
use crate::iam::Guard;

/// A file of guards.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GuardFile {
    /// The guards, in order.
    #[serde(default, rename = "guard")]
    pub guards: Vec<GuardCase>,
}

/// One guard. Exactly one of `never_account`, `role` with `only`, and `organisation` says what it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct GuardCase {
    /// What it says, for reports.
    pub name: String,
    /// The cluster that it is about; every known one when not set.
    pub cluster: Option<String>,
    /// The database user; any when not set, so that conditions on the user are undecided.
    #[serde(default)]
    pub user: String,
    never_account: Option<String>,
    role: Option<String>,
    only: Option<Vec<String>>,
    organisation: Option<String>,
}

impl GuardFile {
    /// Reads a file of guards.
    ///
    /// # Errors
    /// [`ConfigError`]: names the file and the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let file: Self =
            toml::from_str(&text).map_err(|error| error::syntax(path, &text, error.span(), error.message()))?;
        if file.guards.is_empty() {
            return Err(error::syntax(path, &text, None, "there is no [[guard]], so nothing would be proved"));
        }
        for case in &file.guards {
            case.guard()
                .map_err(|what| error::syntax(path, &text, None, &format!("guard \"{}\": {what}", case.name)))?;
        }
        Ok(file)
    }
}

impl GuardCase {
    /// What is guarded.
    ///
    /// # Errors
    /// What is wrong with its keys.
    pub fn guard(&self) -> Result<Guard, String> {
        let role = |text: &String| RoleArn::parse(text).map_err(|why| format!("\"{text}\" {why}"));
        match (&self.never_account, &self.role, &self.only, &self.organisation) {
            (Some(account), None, None, None) => AccountId::parse(account)
                .map(Guard::NeverAccount)
                .ok_or_else(|| format!("\"{account}\" is no account of twelve digits")),
            (None, Some(target), Some(only), None) => {
                Ok(Guard::Only { role: role(target)?, sources: only.iter().map(role).collect::<Result<_, _>>()? })
            }
            (None, None, None, Some(organisation)) => Ok(Guard::WithinOrganisation(organisation.clone())),
            _ => Err("write one of never_account, role with only, and organisation".to_owned()),
        }
    }
}
