//! The file of exceptions: refusals that somebody has agreed to bear with for a while.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::chain::Chain;
use crate::config::address::is_name;
use crate::config::error::{self, ConfigError};
use crate::gate::codes::Code;
use crate::gate::exception::Exception;

/// The longest name of an exception: it stands in every annotation.
const MAX_ID_CHARACTERS: usize = 64;

/// How the file is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExceptionFile {
    #[serde(default)]
    exception: Vec<toml::Spanned<Written>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default)]
    users: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    chains: Vec<String>,
    #[serde(default)]
    codes: Vec<String>,
    until: Until,
    owner: String,
    ticket: String,
    reason: Option<String>,
}

/// A moment, as a text or as TOML's own.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Until {
    Own(toml::value::Datetime),
    Text(String),
}

/// Reads a file of exceptions. One without any is good: the last of them may have been taken out.
///
/// # Errors
/// [`ConfigError`]: names the file, the line and the exception.
pub fn load_exceptions(path: &Path) -> Result<Vec<Arc<Exception>>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let file: ExceptionFile =
        toml::from_str(&text).map_err(|error| error::syntax(path, &text, error.span(), error.message()))?;
    let mut ids = BTreeSet::new();
    let read = |written: toml::Spanned<Written>| {
        let span = written.span();
        let wrong = |what: String| error::entry(path, &text, span.start, what);
        let exception = exception(written.into_inner()).map_err(wrong)?;
        if !ids.insert(exception.id.clone()) {
            return Err(error::entry(path, &text, span.start, format!("exception \"{}\" appears twice", exception.id)));
        }
        Ok(Arc::new(exception))
    };
    file.exception.into_iter().map(read).collect()
}

/// Checks one exception; otherwise what is wrong with it.
fn exception(written: Written) -> Result<Exception, String> {
    let Written { id, users, groups, chains, codes, until, owner, ticket, reason } = written;
    if !is_name(&id) || id.len() > MAX_ID_CHARACTERS {
        return Err(format!(
            "id \"{id}\" must be 1 to {MAX_ID_CHARACTERS} letters, digits, '.', '-' and '_': it stands in comments of SQL"
        ));
    }
    let wrong = |what: String| format!("exception \"{id}\": {what}");
    if users.is_empty() && groups.is_empty() {
        return Err(wrong("says not for whom it holds; name users or groups".to_owned()));
    }
    if chains.is_empty() && codes.is_empty() {
        return Err(wrong("says not what it is about; name chains or codes".to_owned()));
    }
    for (key, value) in [("owner", &owner), ("ticket", &ticket)] {
        if value.trim().is_empty() {
            return Err(wrong(format!("{key} must not be empty")));
        }
    }
    if [&users, &groups].into_iter().flatten().any(String::is_empty) {
        return Err(wrong("holds an empty name; remove it".to_owned()));
    }
    for chain in chains.iter().filter(|chain| *chain != "default") {
        Chain::parse(chain).map_err(|error| wrong(format!("chain \"{chain}\": {error}")))?;
    }
    let code = |word: &String| {
        word.parse::<Code>().map_err(|_| wrong(format!("{word} is not a finding code; see docs/findings.md")))
    };
    let codes = codes.iter().map(code).collect::<Result<Vec<Code>, String>>()?;
    let until = moment(&until).map_err(&wrong)?;
    Ok(Exception { id, users, groups, chains, codes, until, owner, ticket, reason })
}

fn moment(until: &Until) -> Result<Timestamp, String> {
    let text = match until {
        Until::Own(own) => own.to_string(),
        Until::Text(text) => text.clone(),
    };
    text.parse()
        .map_err(|_| format!("until {text} is no moment; write date, time and offset, such as 2026-12-31T18:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "\n[[exception]]\nid = \"SEC-1\"\nusers = [\"etl\"]\ncodes = [\"RG203\"]\n\
                        chains = [\"arn:aws:iam::123456789012:role/A\", \"default\"]\nuntil = 2026-12-31T18:00:00+01:00\n\
                        owner = \"data\"\nticket = \"SEC-1\"\n";

    fn load(text: &str) -> Result<Vec<Arc<Exception>>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.toml");
        fs::write(&path, text).unwrap();
        load_exceptions(&path).map_err(|error| error.to_string().replace(&path.display().to_string(), "x.toml"))
    }

    #[test]
    fn a_file_may_hold_none_or_several() {
        assert_eq!(load("# none left\n").unwrap(), []);
        let found = load(&format!(
            "{GOOD}{}",
            GOOD.replace("SEC-1", "SEC-2").replace("2026-12-31T18:00:00+01:00", "\"2026-12-31T17:00:00Z\"")
        ));
        let found = found.unwrap();
        assert_eq!(
            (found.len(), found[0].until, found[1].until),
            (2, found[1].until, "2026-12-31T17:00:00Z".parse().unwrap())
        );
        assert_eq!(
            (found[0].codes.as_slice(), found[0].chains.len(), &found[0].reason),
            (&[Code::Rg203][..], 2, &None)
        );
    }

    /// (what stands in the file, what stands in its place, what the message says)
    #[test]
    fn a_mistake_is_named() {
        let rows = [
            ("users = [\"etl\"]\n", "", "x.toml: line 2: exception \"SEC-1\": says not for whom it holds"),
            ("[\"etl\"]", "[\"\"]", "holds an empty name"),
            ("\"RG203\"", "\"RG999\"", "RG999 is not a finding code"),
            ("role/A", "role/A,x", "chain \"arn:aws:iam::123456789012:role/A,x\": part 2"),
            ("2026-12-31T18:00:00+01:00", "2026-12-31", "until 2026-12-31 is no moment"),
            ("2026-12-31T18:00:00+01:00", "\"never\"", "until never is no moment"),
            ("owner = \"data\"\n", "", "missing field `owner`"),
            ("ticket = \"SEC-1\"", "ticket = \" \"", "ticket must not be empty"),
            ("id = \"SEC-1\"", "id = \"*/ drop\"", "id \"*/ drop\" must be"),
            ("owner =", "onwer =", "unknown field `onwer`"),
        ];
        for (old, new, what) in rows {
            let message = load(&GOOD.replace(old, new)).unwrap_err();
            assert!(message.contains(what), "{message}");
        }
        let neither = GOOD.replace("codes", "#").replace("chains", "#");
        assert!(load(&neither).unwrap_err().contains("says not what it is about"));
        assert!(load(&format!("{GOOD}{GOOD}")).unwrap_err().contains("line 11: exception \"SEC-1\" appears twice"));
    }
}
