//! Scenarios: what sessions do, how many, and how fast. One TOML file each.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use rolegate::config::Period;
use serde::{Deserialize, Serialize};

/// How a statement travels.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One Query message; values stand in the text.
    Simple,
    /// Parse once for each session, then Bind and Execute; values are parameters.
    Prepared,
    /// A new connection for each statement, which travels as in `simple`.
    Connect,
}

/// One scenario.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in one sentence.
    pub about: String,
    /// How statements travel.
    pub mode: Mode,
    /// Sessions at the same time.
    pub sessions: usize,
    /// Statements that a session keeps under way at once; beyond 1 they are pipelined.
    #[serde(default = "one")]
    pub depth: usize,
    /// Open loop: statements a second over all sessions, each due at its own moment. Absent: a closed loop, each session as fast
    /// as it gets answers.
    #[serde(default)]
    pub rate: Option<f64>,
    /// How long it is measured.
    pub duration: Period,
    /// How long it runs before that.
    #[serde(default = "one_second")]
    pub warmup: Period,
    /// Statements that one session runs before all others start.
    #[serde(default)]
    pub setup: Vec<String>,
    /// What `{name}` in a statement stands for.
    #[serde(default)]
    pub values: BTreeMap<String, Range>,
    /// What `{chain}` in a statement stands for.
    #[serde(default)]
    pub chains: Option<Chains>,
    /// The statements.
    pub statements: Vec<Template>,
}

/// Whole numbers from which a value is drawn.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The least.
    pub from: u32,
    /// The greatest.
    pub to: u32,
    /// The exponent of a Zipf distribution, in which the least is the most frequent; absent: all alike.
    #[serde(default)]
    pub skew: Option<f64>,
}

/// Role chains, of which a few are frequent and many are rare. `{1..200}` in one stands for the chains with each of these numbers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Chains {
    /// Those that must pass, the most frequent first.
    pub good: Vec<String>,
    /// Those that must be refused, the most frequent first.
    pub bad: Vec<String>,
    /// The part of statements, from 0 to 1, with a bad one.
    pub bad_share: f64,
    /// The exponent of the Zipf distribution.
    pub skew: f64,
}

impl Chains {
    /// The good and the bad chains, each pattern in its place as the chains that it stands for.
    ///
    /// # Errors
    /// Names a pattern that is no range of numbers.
    pub fn expanded(&self) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        Ok((expand_all(&self.good).context("chains.good")?, expand_all(&self.bad).context("chains.bad")?))
    }
}

/// A statement with places for values.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Its name in reports.
    pub name: String,
    /// How often it is run, beside the others.
    #[serde(default = "one_weight")]
    pub weight: u32,
    /// Its text.
    pub sql: String,
}

const fn one() -> usize {
    1
}

const fn one_weight() -> u32 {
    1
}

const fn one_second() -> Period {
    Period::from_secs(1)
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML of this form, or asks for what cannot be done; the message says where.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let scenario: Self = toml::from_str(&text).with_context(|| path.display().to_string())?;
        scenario.check().with_context(|| path.display().to_string())?;
        Ok(scenario)
    }

    /// Whether it can be run.
    ///
    /// # Errors
    /// Names the key that is wrong and what it may be.
    pub fn check(&self) -> anyhow::Result<()> {
        ensure!(self.sessions > 0 && self.depth > 0, "sessions and depth must be at least 1");
        ensure!(!self.statements.is_empty(), "there is no [[statements]]");
        ensure!(self.rate.is_none_or(|rate| (0.001..=1e6).contains(&rate)), "rate must be from 0.001 to 1000000");
        ensure!(self.mode != Mode::Connect || self.depth == 1, "mode connect has no depth");
        for (name, range) in &self.values {
            ensure!(range.from <= range.to, "values.{name}: from is above to");
            ensure!(range.skew.is_none_or(|skew| skew >= 0.0), "values.{name}: skew must not be negative");
        }
        if let Some(chains) = &self.chains {
            ensure!((0.0..=1.0).contains(&chains.bad_share), "chains.bad_share must be from 0 to 1");
            ensure!(chains.skew >= 0.0, "chains.skew must not be negative");
            ensure!(chains.bad_share >= 1.0 || !chains.good.is_empty(), "chains.good is empty");
            ensure!(chains.bad_share <= 0.0 || !chains.bad.is_empty(), "chains.bad is empty");
            chains.expanded()?;
        }
        self.statements.iter().try_for_each(|template| self.check_template(template))
    }

    fn check_template(&self, template: &Template) -> anyhow::Result<()> {
        ensure!(template.weight > 0, "statement {}: weight must be at least 1", template.name);
        for piece in pieces(&template.sql) {
            let Piece::Place(place) = piece else { continue };
            let section = if place == "chain" { "chains".to_owned() } else { format!("values.{place}") };
            let known = if place == "chain" { self.chains.is_some() } else { self.values.contains_key(&place) };
            ensure!(known, "statement {}: {{{place}}} needs a section [{section}]", template.name);
            if place == "chain" && self.mode == Mode::Prepared {
                bail!("statement {}: {{chain}} cannot be a parameter; use mode = \"simple\"", template.name);
            }
        }
        Ok(())
    }
}

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// `{name}`.
    Place(String),
}

/// The pieces of a template, in order. Braces around anything but a name or a range of numbers are text.
#[must_use]
pub fn pieces(sql: &str) -> Vec<Piece> {
    let is_place = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    let mut found = Vec::new();
    let (mut text, mut rest) = (String::new(), sql);
    while let Some((before, opened)) = rest.split_once('{') {
        text.push_str(before);
        if let Some((name, after)) = opened.split_once('}').filter(|(name, _)| is_place(name)) {
            found.extend([Piece::Text(std::mem::take(&mut text)), Piece::Place(name.to_owned())]);
            rest = after;
        } else {
            text.push('{');
            rest = opened;
        }
    }
    text.push_str(rest);
    found.push(Piece::Text(text));
    found
}

fn expand_all(patterns: &[String]) -> anyhow::Result<Vec<String>> {
    let mut chains = Vec::new();
    for pattern in patterns {
        match pieces(pattern)
            .into_iter()
            .find_map(|piece| if let Piece::Place(range) = piece { Some(range) } else { None })
        {
            None => chains.push(pattern.clone()),
            Some(range) => {
                let bounds = range.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
                let (from, to): (u32, u32) =
                    bounds.with_context(|| format!("{{{range}}} should be two numbers, such as {{1..200}}"))?;
                chains.extend((from..=to).map(|number| pattern.replace(&format!("{{{range}}}"), &number.to_string())));
            }
        }
    }
    Ok(chains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str) -> anyhow::Result<Scenario> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.toml");
        std::fs::write(&path, text).unwrap();
        Scenario::load(&path)
    }

    const HEAD: &str = "about = 'x'\nmode = 'simple'\nsessions = 1\nduration = '1s'\n";

    #[test]
    fn mistakes_are_named() {
        let statement = |sql: &str| format!("{HEAD}[[statements]]\nname = 's'\nsql = \"{sql}\"\n");
        let rows: &[(String, &str)] = &[
            (statement("select {id}"), "{id} needs a section [values.id]"),
            (statement("copy t from 's3://b' iam_role '{chain}'"), "{chain} needs a section [chains]"),
            (statement("select 1").replace("sessions = 1", "sessions = 0"), "sessions and depth must be at least 1"),
            (format!("{HEAD}statements = []\n"), "there is no [[statements]]"),
            (statement("select 1").replace("about", "abuot"), "unknown field `abuot`"),
            (format!("rate = 0.0\n{}", statement("select 1")), "rate must be from 0.001 to 1000000"),
            (format!("{}[chains]\ngood=['{{a}}']\nbad=[]\nbad_share=0\nskew=1\n", statement("x")), "such as {1..200}"),
        ];
        for (text, want) in rows {
            let error = format!("{:#}", scenario(text).unwrap_err());
            assert!(error.contains(want), "{error}");
        }
        scenario(&statement("select 1")).unwrap();
    }

    #[test]
    fn braces_of_json_are_text() {
        let (text, place) = (|text: &str| Piece::Text(text.to_owned()), |name: &str| Piece::Place(name.to_owned()));
        let want = [text("/* {\"a\": "), place("id"), text("} { */")];
        assert_eq!(pieces("/* {\"a\": {id}} { */"), want);
    }

    #[test]
    fn patterns_are_expanded() {
        let chains = expand_all(&["A".to_owned(), "B{8..10},C{8..10}".to_owned()]).unwrap();
        assert_eq!(chains, ["A", "B8,C8", "B9,C9", "B10,C10"]);
    }
}
