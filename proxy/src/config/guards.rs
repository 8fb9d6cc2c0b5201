//! Guards over all chains, for `rolegate iam prove`: one TOML file with a table of them.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::chain::{AccountId, RoleArn};
use crate::config::error::{self, ConfigError};
use crate::config::locate::place_of;
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
            let what = "there is no [[guard]], so nothing would be proved".to_owned();
            return Err(error::entry(path, &text, 0, what));
        }
        for (number, case) in file.guards.iter().enumerate() {
            let wrong = |what| {
                let what = format!("guard \"{}\": {what}", case.name);
                let place = place_of(&text, &["guard".to_owned(), number.to_string()]);
                ConfigError::Entry { path: path.to_owned(), line: place.map_or(1, |place| place.line), what }
            };
            case.guard().map_err(wrong)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "arn:aws:iam::123456789012:role/A";

    fn load(text: &str) -> Result<GuardFile, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("guards.toml");
        fs::write(&path, text).unwrap();
        GuardFile::load(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "guards.toml"))
    }

    fn guard(lines: &str) -> Result<Guard, String> {
        load(&format!("[[guard]]\nname = \"g\"\n{lines}")).map(|file| file.guards[0].guard().unwrap())
    }

    /// (lines of a guard, what it guards)
    #[test]
    fn what_is_guarded() {
        let role = || RoleArn::parse(A).unwrap();
        for (lines, want) in [
            (
                "never_account = \"123456789012\"".to_owned(),
                Guard::NeverAccount(AccountId::parse("123456789012").unwrap()),
            ),
            (format!("role = \"{A}\"\nonly = []"), Guard::Only { role: role(), sources: Vec::new() }),
            (format!("role = \"{A}\"\nonly = [\"{A}\"]"), Guard::Only { role: role(), sources: vec![role()] }),
            ("organisation = \"o-abc\"".to_owned(), Guard::WithinOrganisation("o-abc".to_owned())),
        ] {
            assert_eq!(guard(&lines), Ok(want), "{lines}");
        }
        let file = load("[[guard]]\nname = \"g\"\ncluster = \"c\"\norganisation = \"o\"\n[[guard]]\nname = \"h\"\nuser = \"etl\"\norganisation = \"o\"\n").unwrap();
        let told: Vec<_> =
            file.guards.iter().map(|one| (one.name.as_str(), one.cluster.as_deref(), one.user.as_str())).collect();
        assert_eq!(told, [("g", Some("c"), ""), ("h", None, "etl")]);
    }

    /// (lines of a guard, the message)
    #[test]
    fn a_mistake_is_named() {
        let one_of = "guards.toml: line 1: guard \"g\": write one of never_account, role with only, and organisation";
        for (lines, want) in [
            (String::new(), one_of),
            (format!("role = \"{A}\""), one_of),
            (format!("only = [\"{A}\"]"), one_of),
            ("never_account = \"123456789012\"\norganisation = \"o\"".to_owned(), one_of),
            (format!("role = \"{A}\"\nonly = []\nnever_account = \"123456789012\""), one_of),
            (
                "never_account = \"12\"".to_owned(),
                "guards.toml: line 1: guard \"g\": \"12\" is no account of twelve digits",
            ),
            ("role = \"A\"\nonly = []".to_owned(), "guards.toml: line 1: guard \"g\": \"A\" "),
            (format!("role = \"{A}\"\nonly = [\"B\"]"), "guards.toml: line 1: guard \"g\": \"B\" "),
            (
                "never_acount = \"123456789012\"".to_owned(),
                "guards.toml: line 3, column 1: not valid TOML: unknown field `never_acount`",
            ),
        ] {
            let told = guard(&lines).unwrap_err();
            assert!(told.starts_with(want), "{lines}\n{told}");
        }
        assert_eq!(load("").unwrap_err(), "guards.toml: line 1: there is no [[guard]], so nothing would be proved");
        let good = "[[guard]]\nname = \"g\"\norganisation = \"o\"\n\n";
        let second = load(&format!("{good}[[guard]]\nname = \"h\"\n")).unwrap_err();
        assert!(second.starts_with("guards.toml: line 5: guard \"h\": write one of "), "{second}");
        let missing = GuardFile::load(Path::new("/nowhere/guards.toml")).unwrap_err().to_string();
        assert!(missing.starts_with("/nowhere/guards.toml: cannot be read: "), "{missing}");
    }
}
