//! From files to validated rules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::rules::help::help;
use crate::rules::profile::RuleProfile;
use crate::rules::vocabulary::Vocabulary;
use crate::rules::{RuleMode, RuleSet, RuleSeverity, RulesError};

/// What rules can be about.
const SCHEMA: &str = include_str!("rolegate.cedarschema");

/// The annotations that mean something here. Any other is taken for a misspelling.
const ANNOTATIONS: [&str; 5] = ["id", "reason", "severity", "mode", "note"];

impl RuleSet {
    /// Reads files of rules; no files are no rules.
    ///
    /// # Errors
    /// [`RulesError`], which names the file and the line.
    pub fn load(files: &[PathBuf]) -> Result<Self, RulesError> {
        if files.is_empty() {
            return Ok(Self::none());
        }
        build(&files.iter().map(|path| File::read(path)).collect::<Result<Vec<_>, _>>()?)
    }

    /// Rules that stand in a text; `path` is what errors call it.
    ///
    /// # Errors
    /// [`RulesError`], which names the line.
    pub fn from_text(path: &Path, text: String) -> Result<Self, RulesError> {
        build(&[File::of(path, text)])
    }
}

/// One file of rules.
struct File {
    path: PathBuf,
    text: String,
    /// The byte at which each rule starts, in order.
    starts: Vec<usize>,
}

impl File {
    fn read(path: &Path) -> Result<Self, RulesError> {
        let text = fs::read_to_string(path).map_err(|source| RulesError::Read { path: path.to_owned(), source })?;
        Ok(Self::of(path, text))
    }

    fn of(path: &Path, text: String) -> Self {
        Self { path: path.to_owned(), starts: starts(&text), text }
    }

    /// Line and column of a byte, from 1.
    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |place| place.saturating_add(1));
        let column = before.get(line_start..).unwrap_or_default().chars().count().saturating_add(1);
        (before.matches('\n').count().saturating_add(1), column)
    }

    fn error(&self, at: usize, message: String) -> RulesError {
        let (line, column) = self.line_and_column(at);
        RulesError::Rule { path: self.path.clone(), line, column, message }
    }

    fn locate(&self, at: usize) -> String {
        let (line, column) = self.line_and_column(at);
        format!("{}:{line}:{column}", self.path.display())
    }

    /// Where a diagnostic points, or the start of its rule.
    fn place(&self, diagnostic: &dyn Diagnostic, rule: Option<usize>) -> usize {
        let label = diagnostic.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        label.or_else(|| rule.and_then(|rule| self.starts.get(rule).copied())).unwrap_or(0)
    }
}

/// Where each rule of a file starts: after the `;` of the one before, with comments and blanks skipped.
fn starts(text: &str) -> Vec<usize> {
    let (mut starts, mut is_open, mut in_string, mut skip_to) = (Vec::new(), false, false, 0);
    for (at, letter) in text.char_indices() {
        if at < skip_to {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        match letter {
            '\\' if in_string => skip_to = at.saturating_add(2),
            '"' => in_string = !in_string,
            _ if in_string => {}
            '/' if rest.starts_with("//") => skip_to = rest.find('\n').map_or(text.len(), |run| at.saturating_add(run)),
            ';' => is_open = false,
            _ if letter.is_whitespace() || is_open => {}
            _ => {
                starts.push(at);
                is_open = true;
            }
        }
    }
    starts
}

/// A rule and its place in the files.
struct Placed {
    policy: Policy,
    file: usize,
    number: usize,
}

/// Validates files of rules.
fn build(files: &[File]) -> Result<RuleSet, RulesError> {
    let (schema, _warnings) =
        Schema::from_cedarschema_str(SCHEMA).map_err(|error| RulesError::Schema(error.to_string()))?;
    let rules = collect(files)?;
    let mut sets = [PolicySet::new(), PolicySet::new(), PolicySet::new()];
    let mut named = BTreeSet::new();
    let mut profiles = Vec::new();
    for rule in rules.values() {
        let file = files.get(rule.file).ok_or_else(|| RulesError::Schema("a rule without a file".to_owned()))?;
        let number = severity(rule, file)?;
        check_mode(rule, file)?;
        let json = rule.policy.to_json().map_err(|error| file.error(start(file, rule), error.to_string()))?;
        gather(&json, &mut named);
        let severity = if number == 2 { RuleSeverity::Annotate } else { RuleSeverity::Reject };
        let kind = (rule.policy.effect(), severity);
        profiles.push(RuleProfile::read(rule.policy.id().as_ref(), kind, file.locate(start(file, rule)), &json));
        if let Some(set) = sets.get_mut(number) {
            set.add(rule.policy.clone()).map_err(|error| file.error(start(file, rule), error.to_string()))?;
        }
    }
    let [permits, rejects, annotates] = sets;
    for set in [&permits, &rejects, &annotates] {
        validate(set, &schema, &rules, files)?;
    }
    let version = version(files);
    let vocabulary = Some(Vocabulary::new(&schema, named)?);
    Ok(RuleSet { permits, rejects, annotates, profiles: profiles.into(), vocabulary, version })
}

fn start(file: &File, rule: &Placed) -> usize {
    file.starts.get(rule.number).copied().unwrap_or(0)
}

/// All rules by `@id`.
fn collect(files: &[File]) -> Result<BTreeMap<String, Placed>, RulesError> {
    let mut rules: BTreeMap<String, Placed> = BTreeMap::new();
    for (place, file) in files.iter().enumerate() {
        let set = PolicySet::from_str(&file.text)
            .map_err(|error| file.error(file.place(&error, None), format!("this is not Cedar: {error}")))?;
        if set.templates().next().is_some() {
            return Err(file.error(
                0,
                "rules may not be templates; write the principal or resource in place of the ?slot".to_owned(),
            ));
        }
        for policy in set.policies() {
            // Cedar numbers the policies of a text: policy0, policy1, ...
            let number =
                policy.id().to_string().strip_prefix("policy").and_then(|digits| digits.parse().ok()).unwrap_or(0);
            let at = file.starts.get(number).copied().unwrap_or(0);
            let Some(id) = policy.annotation("id").filter(|id| !id.is_empty()).map(str::to_owned) else {
                return Err(file.error(at, "the rule has no name; put @id(\"some-name\") before it".to_owned()));
            };
            if let Some((unknown, _)) = policy.annotations().find(|(name, _)| !ANNOTATIONS.contains(name)) {
                let message =
                    format!("rule \"{id}\": unknown annotation @{unknown}; known are @{}", ANNOTATIONS.join(", @"));
                return Err(file.error(at, message));
            }
            let renamed = policy.new_id(PolicyId::new(&id));
            if let Some(other) = rules.get(&id) {
                let other = files.get(other.file).map_or_else(String::new, |file| file.path.display().to_string());
                return Err(file.error(at, format!("rule \"{id}\" stands in {other} already; names must be unique")));
            }
            rules.insert(id, Placed { policy: renamed, file: place, number });
        }
    }
    Ok(rules)
}

/// Which of the three sets a rule belongs to.
fn severity(rule: &Placed, file: &File) -> Result<usize, RulesError> {
    let id = rule.policy.id();
    match (rule.policy.effect(), rule.policy.annotation("severity")) {
        (Effect::Permit, None) => Ok(0),
        (Effect::Permit, Some(_)) => {
            Err(file.error(start(file, rule), format!("rule \"{id}\": @severity belongs to forbid; a permit has none")))
        }
        (Effect::Forbid, None | Some("reject")) => Ok(1),
        (Effect::Forbid, Some("annotate")) => Ok(2),
        (Effect::Forbid, Some(other)) => {
            let message = format!("rule \"{id}\": @severity(\"{other}\") is neither \"reject\" nor \"annotate\"");
            Err(file.error(start(file, rule), message))
        }
    }
}

/// Whether the `@mode` of a rule, if it has one, says something.
fn check_mode(rule: &Placed, file: &File) -> Result<(), RulesError> {
    let id = rule.policy.id();
    let message = match (rule.policy.effect(), rule.policy.annotation("mode")) {
        (_, None) => return Ok(()),
        (Effect::Forbid, Some(mode)) if mode.parse::<RuleMode>().is_ok() => return Ok(()),
        (Effect::Forbid, Some(mode)) => format!("@mode(\"{mode}\") is neither \"enforce\" nor \"shadow\""),
        (Effect::Permit, Some(_)) => {
            "@mode belongs to forbid; for what no permit applies to, set RG302 in [policy.mode_by_code]".to_owned()
        }
    };
    Err(file.error(start(file, rule), format!("rule \"{id}\": {message}")))
}

/// Every name that occurs in a rule, and more: all keys and texts of its JSON form, where an attribute is one of them.
fn gather(json: &Value, named: &mut BTreeSet<String>) {
    match json {
        Value::String(text) => {
            named.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, named)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            named.insert(name.clone());
            gather(value, named);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn validate(
    set: &PolicySet,
    schema: &Schema,
    rules: &BTreeMap<String, Placed>,
    files: &[File],
) -> Result<(), RulesError> {
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    let found = |id: &PolicyId, diagnostic: &dyn Diagnostic, what: String| {
        let id = id.to_string();
        let placed = rules.get(&id).and_then(|rule| files.get(rule.file).map(|file| (rule, file)));
        match placed {
            Some((rule, file)) => {
                file.error(file.place(diagnostic, Some(rule.number)), format!("rule \"{id}\": {what}"))
            }
            None => RulesError::Schema(what),
        }
    };
    if let Some(error) = result.validation_errors().next() {
        let help = help(error, schema);
        let what = format!("{error}{help}; what rules can name stands in config/rolegate.cedarschema");
        return Err(found(error.policy_id(), error, what));
    }
    if let Some(warning) = result.validation_warnings().next() {
        return Err(found(warning.policy_id(), warning, warning.to_string()));
    }
    Ok(())
}

/// A hash over the texts, whatever their order and place.
fn version(files: &[File]) -> String {
    let mut hashes: Vec<[u8; 32]> = files.iter().map(|file| Sha256::digest(&file.text).into()).collect();
    hashes.sort_unstable();
    let mut all = Sha256::new();
    for hash in hashes {
        all.update(hash);
    }
    all.finalize().first_chunk::<8>().map(hex::encode).unwrap_or_default()
}
