//! What AWS says, written as the files that `facts.iam`, `facts.clusters` and `facts.service_control` read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value as Json;

use crate::chain::AccountId;
use crate::config::Config;
use crate::serve::error::BuildError;
use crate::serve::live::{self, PulledFacts};

pub use crate::serve::live::OrganisationPull;

/// Why a snapshot cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// What the configuration names, or AWS.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// No account is named.
    #[error("{}: names no account to read; add a [[facts.aws.account]] section with id and regions", path.display())]
    NoAccount {
        /// The file that is at fault.
        path: PathBuf,
    },
    /// The organisation is to be read as an account that the configuration does not name.
    #[error("{}: --organization {account}: no [[facts.aws.account]] section has this id", path.display())]
    NotAnAccount {
        /// The file that is at fault.
        path: PathBuf,
        /// The account that was asked.
        account: AccountId,
    },
    /// A file cannot be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file that is at fault.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

/// Reads every account of `[facts.aws]` and writes `<account>.json` and `clusters-<account>.json` into `folder`, and `organisation.json`
/// where the organisation is asked for: as the account that is named sees it, or the first one. A file is replaced as a whole, once
/// everything has been read, and names the time at which that was.
///
/// # Errors
/// [`PullError`]; then no file of this pull is half written.
pub fn to_files(config: &Config, folder: &Path, organisation: OrganisationPull) -> Result<Vec<PathBuf>, PullError> {
    let none = || PullError::NoAccount { path: config.source().to_owned() };
    let section = config.facts.aws.as_ref().ok_or_else(none)?;
    if let OrganisationPull::As(account) = organisation
        && !section.account.iter().any(|known| known.id == account.to_string())
    {
        return Err(PullError::NotAnAccount { path: config.source().to_owned(), account });
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| PullError::Write { path, source }
    };
    // The oldest that any of it can be.
    let began = Timestamp::now();
    let told = live::told(config, organisation)?.ok_or_else(none)?;
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let mut written = Vec::new();
    for (name, pages) in files(told) {
        let (path, fresh) = (folder.join(&name), folder.join(format!(".{name}.new")));
        fs::write(&fresh, text(pages, began)).map_err(failed(&fresh))?;
        fs::rename(&fresh, &path).map_err(failed(&path))?;
        written.push(path);
    }
    Ok(written)
}

/// The files by name, each with its pages. An account without regions has no clusters to tell of, and no file of them.
fn files(told: PulledFacts) -> Vec<(String, Vec<Json>)> {
    let of_account = |(account, roles, clusters)| {
        [(format!("{account}.json"), roles), (format!("clusters-{account}.json"), clusters)]
    };
    let accounts = told.accounts.into_iter().flat_map(of_account);
    let organisation = told.organisation.map(|page| ("organisation.json".to_owned(), vec![page]));
    accounts.chain(organisation).filter(|(_, pages)| !pages.is_empty()).collect()
}

/// Pages one after the other, as the command line writes several calls into one file, each with the time of its capture.
fn text(pages: Vec<Json>, captured_at: Timestamp) -> String {
    let with_time = |mut page: Json| {
        if let Some(fields) = page.as_object_mut() {
            fields.insert("captured_at".to_owned(), Json::from(captured_at.to_string()));
        }
        format!("{page:#}\n")
    };
    pages.into_iter().map(with_time).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_name_their_age() {
        let account = AccountId::parse("123456789012").unwrap();
        let told = PulledFacts {
            accounts: vec![(account, vec![json!({"RoleDetailList": []}), json!({"Policies": []})], Vec::new())],
            organisation: Some(json!({"accounts": {}})),
        };
        let found = files(told);
        assert_eq!(
            found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["123456789012.json", "organisation.json"],
            "no file of clusters where no region is named"
        );
        let captured_at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        for (name, pages) in found {
            let count = pages.len();
            let text = text(pages, captured_at);
            assert_eq!(text.matches(r#""captured_at": "2026-11-23T12:00:00Z""#).count(), count, "{name}: {text}");
        }
    }
}
