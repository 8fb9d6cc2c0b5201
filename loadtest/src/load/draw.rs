//! Drawing: which statement comes next, with which values and which chain.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Context as _;
use rand::Rng as _;
use rand::distr::Distribution as _;
use rand::distr::weighted::WeightedIndex;
use rand::rngs::StdRng;
use rand_distr::Zipf;

use crate::load::scenario::{Mode, Piece, Range, Scenario, pieces};

/// What the gate must do with a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// Let it pass.
    Pass,
    /// Refuse it.
    Refusal,
}

/// A statement to run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Operation {
    /// Its place in [`Scenario::statements`].
    pub template: usize,
    /// The text; empty when it is prepared.
    pub text: String,
    /// Values of `$1`, `$2`, ...
    pub parameters: Vec<String>,
    /// What must come of it.
    pub expected: Expected,
}

/// Ranks of a Zipf distribution: 1 is the most frequent. With exponent 0 all are alike.
#[derive(Clone, Copy, Debug)]
struct Ranks {
    count: u32,
    zipf: Option<Zipf<f64>>,
}

impl Ranks {
    fn new(count: u32, skew: f64) -> anyhow::Result<Self> {
        let zipf = (skew > 0.0).then(|| Zipf::new(f64::from(count), skew)).transpose();
        Ok(Self { count, zipf: zipf.context("skew")? })
    }

    /// A number from 0 to `count - 1`.
    fn draw(&self, random: &mut StdRng) -> u32 {
        let Some(zipf) = &self.zipf else { return random.random_range(0..self.count.max(1)) };
        whole(zipf.sample(random)).saturating_sub(1).min(self.count.saturating_sub(1))
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rank is a whole number from 1 to a u32, and the standard library has no other conversion"
)]
fn whole(rank: f64) -> u32 {
    rank as u32
}

/// Chains with the frequency of each.
#[derive(Debug)]
struct RankedChains {
    chains: Vec<String>,
    ranks: Ranks,
}

/// The chains of a scenario.
#[derive(Debug)]
struct ChainRanks {
    good: RankedChains,
    bad: RankedChains,
    bad_share: f64,
}

/// Draws the operations of a scenario.
#[derive(Debug)]
pub struct Draw {
    mode: Mode,
    templates: Vec<Vec<Piece>>,
    weights: WeightedIndex<u32>,
    values: BTreeMap<String, (Range, Ranks)>,
    chains: Option<ChainRanks>,
}

impl Draw {
    /// # Errors
    /// Weights or exponents that cannot be drawn by.
    pub fn new(scenario: &Scenario) -> anyhow::Result<Self> {
        let ranks = |(name, range): (&String, &Range)| {
            let count = range.to.saturating_sub(range.from).saturating_add(1);
            let ranks = Ranks::new(count, range.skew.unwrap_or(0.0)).with_context(|| format!("values.{name}"))?;
            anyhow::Ok((name.clone(), (*range, ranks)))
        };
        let ranked = |chains: Vec<String>, skew| {
            let ranks = Ranks::new(u32::try_from(chains.len())?.max(1), skew)?;
            anyhow::Ok(RankedChains { chains, ranks })
        };
        let chains = scenario.chains.as_ref().map(|chains| {
            let (good, bad) = chains.expanded()?;
            let (good, bad) = (ranked(good, chains.skew)?, ranked(bad, chains.skew)?);
            anyhow::Ok(ChainRanks { good, bad, bad_share: chains.bad_share })
        });
        Ok(Self {
            mode: scenario.mode,
            templates: scenario.statements.iter().map(|template| pieces(&template.sql)).collect(),
            weights: WeightedIndex::new(scenario.statements.iter().map(|template| template.weight))?,
            values: scenario.values.iter().map(ranks).collect::<Result<_, _>>()?,
            chains: chains.transpose().context("chains")?,
        })
    }

    /// The texts to prepare: a place of a value becomes `$1`, `$2`, ...
    #[must_use]
    pub fn prepared_texts(&self) -> Vec<String> {
        let text = |pieces: &Vec<Piece>| {
            let mut places = 0_u32;
            pieces.iter().fold(String::new(), |mut text, piece| {
                match piece {
                    Piece::Text(piece) => text.push_str(piece),
                    Piece::Place(_) => {
                        places = places.saturating_add(1);
                        // Writing into a String cannot fail.
                        let _written = write!(text, "${places}").is_ok();
                    }
                }
                text
            })
        };
        self.templates.iter().map(text).collect()
    }

    /// The next operation.
    pub fn next(&self, random: &mut StdRng) -> Operation {
        let template = self.weights.sample(random);
        let mut operation =
            Operation { template, text: String::new(), parameters: Vec::new(), expected: Expected::Pass };
        for piece in self.templates.get(template).into_iter().flatten() {
            match piece {
                Piece::Place(name) if name == "chain" => self.chain(&mut operation, random),
                Piece::Place(name) if self.mode == Mode::Prepared => {
                    operation.parameters.push(self.value(name, random).to_string());
                }
                Piece::Place(name) => operation.text.push_str(&self.value(name, random).to_string()),
                Piece::Text(text) if self.mode != Mode::Prepared => operation.text.push_str(text),
                Piece::Text(_) => {}
            }
        }
        operation
    }

    fn value(&self, name: &str, random: &mut StdRng) -> u32 {
        self.values.get(name).map_or(0, |(range, ranks)| range.from.saturating_add(ranks.draw(random)))
    }

    fn chain(&self, operation: &mut Operation, random: &mut StdRng) {
        let Some(chains) = &self.chains else { return };
        let is_bad = random.random_bool(chains.bad_share);
        let list = if is_bad { &chains.bad } else { &chains.good };
        let place = usize::try_from(list.ranks.draw(random)).unwrap_or_default();
        operation.text.push_str(list.chains.get(place).map_or("", String::as_str));
        if is_bad {
            operation.expected = Expected::Refusal;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng as _;

    fn scenario(mode: &str) -> Scenario {
        let text = format!(
            "about = 'x'\nmode = '{mode}'\nsessions = 1\nduration = '1s'\n[values.id]\nfrom = 5\nto = 9\nskew = 1.0\n\
             [chains]\ngood = ['g1', 'g2', 'g3']\nbad = ['b1', 'b2']\nbad_share = 0.25\nskew = 1.2\n\
             [[statements]]\nname = 'a'\nweight = 3\nsql = 'select {{id}}'\n[[statements]]\nname = 'b'\nsql = 'copy {{chain}} x'\n"
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn frequencies_are_those_asked_for() {
        let (scenario, mut random) = (scenario("simple"), StdRng::seed_from_u64(7));
        let draw = Draw::new(&scenario).unwrap();
        let mut counts = BTreeMap::<String, u32>::new();
        for _ in 0..40_000 {
            let operation = draw.next(&mut random);
            assert_eq!(operation.expected == Expected::Refusal, operation.text.starts_with("copy b"));
            *counts.entry(operation.text).or_default() += 1;
        }
        // 30,000 of the first, by 1/rank over five ranks; 10,000 of the second, a quarter of them bad.
        let near = |text: &str, want: f64| {
            let got = f64::from(counts[text]);
            assert!((got - want).abs() < want * 0.1, "{text}: {got} for {want}");
        };
        near("select 5", 30_000.0 / 2.2833);
        near("select 9", 30_000.0 / 2.2833 / 5.0);
        near("copy b1 x", 2500.0 / 1.4353);
        near("copy g1 x", 7500.0 / 1.7028);
    }

    #[test]
    fn prepared_statements_take_parameters() {
        let mut scenario = scenario("prepared");
        scenario.statements.truncate(1);
        let draw = Draw::new(&scenario).unwrap();
        assert_eq!(draw.prepared_texts(), ["select $1"]);
        let operation = draw.next(&mut StdRng::seed_from_u64(1));
        assert_eq!((operation.text.as_str(), operation.parameters.len()), ("", 1));
    }
}
