//! The line of a key in the text of a TOML file.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::sql::position::Positions;

/// Where a key stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct KeyLine {
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether it is the key's own line, not that of the table which should hold it.
    pub(super) exact: bool,
}

/// The place of a key, or of the nearest table around it. `None`: the text has not even that.
pub(super) fn place_of(text: &str, path: &[String]) -> Option<KeyLine> {
    let root = DeTable::parse(text).ok()?;
    let (first, rest) = path.split_first()?;
    let (mut offset, mut value) = entry(root.get_ref(), first)?;
    let mut exact = true;
    for part in rest {
        let next = match value.get_ref() {
            DeValue::Table(table) => entry(table, part),
            DeValue::Array(array) => {
                let element = part.parse::<usize>().ok().and_then(|place| array.get(place));
                element.map(|element| (element.span().start, element))
            }
            _ => None,
        };
        let Some(found) = next else {
            exact = false;
            break;
        };
        (offset, value) = found;
    }
    Some(KeyLine { line: Positions::of(text.as_bytes()).at(offset).line, exact })
}

fn entry<'table, 'text>(table: &'table DeTable<'text>, name: &str) -> Option<(usize, &'table Spanned<DeValue<'text>>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((key.span().start, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# ä\n[log]\nlevel = \"x\"\n\n[[gate]]\nname = \"a\"\n[[gate]]\nname = \"b\"\nupstream = { tls = 1 }\n\
                        [gate.tls]\n";

    #[test]
    fn places() {
        let rows: &[(&[&str], _)] = &[
            (&["log"], Some((2, true))),
            (&["log", "level"], Some((3, true))),
            (&["log", "format"], Some((2, false))),
            (&["gate", "0", "name"], Some((6, true))),
            (&["gate", "1", "name"], Some((8, true))),
            (&["gate", "1", "upstream", "tls"], Some((9, true))),
            (&["gate", "1", "tls", "key"], Some((10, false))),
            (&["gate", "1", "listen"], Some((7, false))),
            (&["facts"], None),
            (&[], None),
        ];
        for (path, want) in rows {
            let path: Vec<String> = path.iter().map(ToString::to_string).collect();
            let want = want.map(|(line, exact): (usize, bool)| KeyLine { line, exact });
            assert_eq!(place_of(TEXT, &path), want, "{path:?}");
        }
    }
}
