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
        let (file, name) = (config.source().display(), name.unwrap_or_default());
        format!("{file}: no [[gate]] has the name {name:?}; use one of {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_named_gate_or_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        let gate = |name: &str, port: u16| {
            format!(
                "[[gate]]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\n[gate.upstream]\naddress = \"localhost:5440\"\n"
            )
        };
        fs::write(&path, gate("etl", 5439) + &gate("bi", 5441)).unwrap();
        let config = Config::load(&path).unwrap();
        let named = |name: Option<&str>| gate_of(&config, name).map(|gate| gate.name.clone());
        assert_eq!(named(None).as_deref(), Ok("etl"));
        assert_eq!(named(Some("bi")).as_deref(), Ok("bi"));
        for name in ["", "BI", "bi ", "x\n"] {
            assert_eq!(
                named(Some(name)),
                Err(format!("{}: no [[gate]] has the name {name:?}; use one of etl, bi", path.display()))
            );
        }
    }
}
