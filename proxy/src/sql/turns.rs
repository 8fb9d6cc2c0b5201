//! What a statement changes of how the session resolves names from then on: USE, `enable_case_sensitive_identifier`, `search_path`; and
//! whether it changes what keeps credentials and has no name in other statements.

use std::ops::Range;

use crate::sql::cursor::Cursor;
use crate::sql::lexer::{Rules, Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::Effect;
use crate::sql::references::StatementNames;
use crate::sql::split;
use crate::sql::turn::Turn;
use crate::sql::words::is_same;

/// The setting by which letters in quotes keep their case.
pub const CASING: &str = "enable_case_sensitive_identifier";

/// The turns of a text, as effects. A turn of a text of several statements, and one for a transaction alone, may be taken back.
#[must_use]
pub fn turns(text: &[u8], rules: Rules, statements: &[StatementNames]) -> Vec<Effect> {
    let mut reader = TurnReader { text, rules, turns: Vec::new(), is_alone: true, redefines: false };
    let mut count = 0_usize;
    for span in split::statements(text, rules) {
        count = count.saturating_add(1);
        reader.statement(span);
    }
    for statement in statements {
        reader.turns.extend(statement.hides.iter().map(|name| Turn::Temporary(name.text.clone())));
    }
    let is_alone = reader.is_alone && count == 1;
    let redefines = reader.redefines.then_some(Effect::Redefines);
    reader.turns.into_iter().map(|turn| Effect::Turn { turn, is_alone }).chain(redefines).collect()
}

struct TurnReader<'t> {
    text: &'t [u8],
    rules: Rules,
    turns: Vec<Turn>,
    is_alone: bool,
    redefines: bool,
}

/// What keeps credentials and is used by its name in no statement, by the word behind ALTER, CREATE and DROP. A user's rights to use roles go
/// with the user.
const KEEPERS: [&str; 3] = ["database", "identity", "user"];

impl TurnReader<'_> {
    fn statement(&mut self, span: Range<usize>) {
        let mut cursor = Cursor::new(self.text, span, self.rules);
        match () {
            () if cursor.accept(&["use"]) => self.database(&mut cursor),
            () if cursor.accept(&["reset", "use"]) => self.turns.extend([Turn::Database(None), Turn::SearchPath(None)]),
            () if cursor.accept(&["reset", "all"]) => self.turns.extend([Turn::Casing(None), Turn::SearchPath(None)]),
            () if cursor.accept(&["discard"]) => {
                self.turns.extend([Turn::Database(None), Turn::Casing(None), Turn::SearchPath(None)]);
            }
            () if cursor.accept(&["reset"]) => self.setting(&mut cursor, false),
            () if cursor.accept(&["set"]) => {
                self.is_alone &= !cursor.accept(&["local"]);
                cursor.accept(&["session"]);
                self.setting(&mut cursor, true);
            }
            () if cursor.accept(&["call"]) || cursor.accept(&["do"]) => self.anything(),
            () => {
                let defines = ["alter", "create", "drop"].iter().any(|verb| cursor.accept(&[verb]));
                self.redefines |= defines && KEEPERS.iter().any(|word| cursor.sees(word));
                self.computed(&mut cursor);
            }
        }
    }

    /// `USE name`, `USE name@catalog`.
    fn database(&mut self, cursor: &mut Cursor<'_>) {
        let mut name = cursor.take().and_then(|token| self.name(token)).unwrap_or_default();
        if cursor.symbol(b'@')
            && let Some(catalog) = cursor.take().and_then(|token| self.name(token))
        {
            name = format!("{name}@{catalog}");
        }
        self.turns.extend([Turn::Database(Some(name)), Turn::SearchPath(None)]);
    }

    fn setting(&mut self, cursor: &mut Cursor<'_>, has_value: bool) {
        let name = cursor.take().and_then(|token| self.name(token)).unwrap_or_default();
        let is_assigned = has_value && (cursor.symbol(b'=') || cursor.accept(&["to"]));
        let values = if is_assigned { self.values(cursor) } else { Vec::new() };
        match name.to_ascii_lowercase().as_str() {
            CASING => self.turns.push(Turn::Casing(values.first().and_then(|value| is_on(value)))),
            "search_path" => {
                let is_default = match values.as_slice() {
                    [] => true,
                    [only] => is_same(only.as_bytes(), "default"),
                    _ => false,
                };
                self.turns.push(Turn::SearchPath((!is_default).then_some(values)));
            }
            _ => {}
        }
    }

    fn values(&self, cursor: &mut Cursor<'_>) -> Vec<String> {
        let mut values = Vec::new();
        while let Some(token) = cursor.take() {
            values.extend(self.name(token));
            if !cursor.symbol(b',') {
                break;
            }
        }
        values
    }

    /// `set_config`, whatever it sets.
    fn computed(&mut self, cursor: &mut Cursor<'_>) {
        while let Some(token) = cursor.take() {
            if self.name(token).is_some_and(|name| is_same(name.as_bytes(), "set_config")) {
                return self.anything();
            }
        }
    }

    /// What runs is not seen: any setting may have any value.
    fn anything(&mut self) {
        self.is_alone = false;
        let casings = [None, Some(true), Some(false)].map(Turn::Casing);
        self.turns.extend(casings.into_iter().chain([Turn::SearchPath(None)]));
    }

    fn name(&self, token: Token) -> Option<String> {
        let constant = literal::decode(self.text, token).map(|literal| literal.to_text());
        let number = || {
            let digits = (token.kind == TokenKind::Number).then(|| self.text.get(token.start..token.end))?;
            digits.map(|digits| String::from_utf8_lossy(digits).into_owned())
        };
        constant.or_else(|| literal::identifier(self.text, token)).or_else(number)
    }
}

/// What the value of a switch says.
fn is_on(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "on" | "true" | "t" | "yes" | "y" | "1" => Some(true),
        "off" | "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::known::{NameCounts, WatchedNames};
    use crate::sql::lexer::Escapes;
    use crate::sql::model::Dialect;
    use crate::sql::references::names_used;
    use crate::sql::{Glance, glance};

    fn read(text: &str) -> Vec<(Turn, bool)> {
        let names = WatchedNames::new([("v", NameCounts { before_dot: false, anywhere: true })]).unwrap();
        let rules = Rules::with_escapes(Escapes::Always);
        let effects = turns(text.as_bytes(), rules, &names_used(text.as_bytes(), Dialect::Redshift, &names));
        effects
            .into_iter()
            .filter_map(
                |effect| if let Effect::Turn { turn, is_alone } = effect { Some((turn, is_alone)) } else { None },
            )
            .collect()
    }

    #[test]
    fn what_has_no_name_in_other_statements() {
        let names = WatchedNames::new([("v", NameCounts { before_dot: false, anywhere: true })]).unwrap();
        let redefines = |text: &str| {
            glance(text.as_bytes(), Dialect::Redshift, Some(&names)) != Glance::Plain
                && turns(text.as_bytes(), Rules::with_escapes(Escapes::Always), &[]).contains(&Effect::Redefines)
        };
        for text in ["drop identity provider p", "begin; DROP /* x */ user anna", "drop database shared"] {
            assert!(redefines(text), "{text}");
        }
        for text in ["drop table v", "drop schema s", "alter table t rename to v", "select 'drop user a'"] {
            assert!(!redefines(text), "{text}");
        }
    }

    #[test]
    fn what_changes_how_names_resolve() {
        let path = |names: &[&str]| Turn::SearchPath(Some(names.iter().map(|name| (*name).to_owned()).collect()));
        let database = |name: &str| Turn::Database(Some(name.to_owned()));
        for (text, want) in [
            ("use sales", vec![database("sales"), Turn::SearchPath(None)]),
            ("USE \"Sales\"@cat;", vec![database("Sales@cat"), Turn::SearchPath(None)]),
            ("reset use", vec![Turn::Database(None), Turn::SearchPath(None)]),
            ("set enable_case_sensitive_identifier to true", vec![Turn::Casing(Some(true))]),
            ("SET session Enable_Case_Sensitive_Identifier = off", vec![Turn::Casing(Some(false))]),
            ("set enable_case_sensitive_identifier = 1", vec![Turn::Casing(Some(true))]),
            ("set enable_case_sensitive_identifier to default", vec![Turn::Casing(None)]),
            ("reset enable_case_sensitive_identifier", vec![Turn::Casing(None)]),
            ("set search_path to a, \"B\", '$user'", vec![path(&["a", "B", "$user"])]),
            ("set search_path = default", vec![Turn::SearchPath(None)]),
            ("create temp table v (a int)", vec![Turn::Temporary("v".to_owned())]),
            ("set datestyle to iso", vec![]),
            ("select 'use sales'", vec![]),
        ] {
            assert_eq!(read(text), want.into_iter().map(|turn| (turn, true)).collect::<Vec<_>>(), "{text}");
        }
        for text in [
            "begin; use sales",
            "set local enable_case_sensitive_identifier to on",
            "select set_config(a, b, false)",
            "call p()",
        ] {
            assert!(!read(text).is_empty() && read(text).iter().all(|(_, is_alone)| !is_alone), "{text}");
        }
    }
}
