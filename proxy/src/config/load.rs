//! From the text of a file to a checked configuration, or to what is wrong with it and where.

use std::fs;
use std::path::Path;

use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Value};

use crate::config::error::{ConfigError, KeyPlace, Problem, syntax};
use crate::config::overrides::{self, Override};
use crate::config::{Config, locate, paths, severity, validate};

impl Config {
    /// Reads, completes and checks the configuration of a file. The environment is read too.
    ///
    /// # Errors
    /// [`ConfigError`]: names the file, the line and the key, what was expected and what to do.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::load_with(path, &overrides::from_environment())
    }

    /// [`Config::load`] with these overrides.
    pub(super) fn load_with(path: &Path, overrides: &[Override]) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let dict: Dict = Toml::from_str(&text).map_err(|error| syntax(path, &text, error.span(), error.message()))?;
        let loader = Loader { path, text: &text, overrides };
        Self::from_values(Value::from(dict), path, overrides).map_err(|problem| loader.locate(problem))
    }

    fn from_values(mut values: Value, path: &Path, overrides: &[Override]) -> Result<Self, Problem> {
        overrides::apply(&mut values, overrides)?;
        severity::check_codes(&values)?;
        let mut config: Self = values.deserialize().map_err(Problem::from)?;
        path.clone_into(&mut config.source);
        validate::validate(&config)?;
        paths::resolve(&mut config, path.parent().unwrap_or(Path::new("")))?;
        Ok(config)
    }
}

/// Knows where the keys of a configuration came from.
struct Loader<'a> {
    path: &'a Path,
    text: &'a str,
    overrides: &'a [Override],
}

impl Loader<'_> {
    /// Adds file, line and variable to a problem.
    fn locate(&self, problem: Problem) -> ConfigError {
        let place = locate::place_of(self.text, &problem.path);
        let in_file = place.is_some_and(|place| place.exact);
        let sets =
            |one: &&Override| problem.path.starts_with(&one.path) || (!in_file && one.path.starts_with(&problem.path));
        let variable = self.overrides.iter().find(sets).map(|one| one.variable.clone());
        let place = KeyPlace { key: dotted(&problem.path), line: place.map(|place| place.line), variable };
        ConfigError::Key { path: self.path.to_owned(), place, what: problem.what }
    }
}

/// `gate`, `0`, `name` as `gate[0].name`.
fn dotted(path: &[String]) -> String {
    let mut text = String::new();
    for part in path {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        match (is_number, text.is_empty()) {
            (true, false) => text.extend(["[", part, "]"]),
            (false, false) => text.extend([".", part]),
            (_, true) => text.push_str(part),
        }
    }
    text
}
