//! Which gate of a configuration is meant.

use crate::config::{Config, Gate};

/// The gate of that name, or the first.
pub(super) fn gate_of<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c Gate, String> {
    let gate = match name {
        None => config.gate.first(),
        Some(name) => config.gate.iter().find(|gate| gate.name == name),
    };
    gate.ok_or_else(|| format!("{}: holds no such gate; see its [[gate]] sections", config.source().display()))
}
