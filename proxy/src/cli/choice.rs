//! Which gate of a configuration a command is about.

use crate::config::{Config, GateSection};

/// The gate of that name, or the first.
pub(super) fn gate_of<'c>(config: &'c Config, name: Option<&str>) -> Result<&'c GateSection, String> {
    let gate = match name {
        None => config.gate.first(),
        Some(name) => config.gate.iter().find(|gate| gate.name == name),
    };
    let known: Vec<&str> = config.gate.iter().map(|gate| gate.name.as_str()).collect();
    gate.ok_or_else(|| {
        format!("{}: no [[gate]] has the name {:?}; use one of {}", config.source().display(), name, known.join(", "))
    })
}
