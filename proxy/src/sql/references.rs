//! Which names of a text are relations, functions or procedures, and which are column qualifiers, aliases, CTEs, string contents or
//! comments. Only statements in which a known name stands are looked at. sqlparser's tree of our own tokens says exactly what a name
//! is; where it cannot, every met name counts and says so: the tree makes the answer precise, the lexer keeps it complete.

mod chains;
mod changes;
mod mention;
mod pieces;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod tree;

pub(in crate::sql) use changes::changes;
pub use mention::{MAX_MENTIONS, Mention, MentionedAs, NameChange, NamePart, NamedObject, StatementNames};
pub use tree::{MAX_PARSED_TOKENS, MAX_TREE_DEPTH};

use crate::sql::known::WatchedNames;
use crate::sql::lexer::{Doubts, Escapes, Lexer, Rules};
use crate::sql::model::Dialect;
use crate::sql::readings;

/// The known names that the statements of a text use, and the known names that they give to temporary tables; statements without any
/// are left out. Time is linear in the text, but for the statements that are parsed, whose size is bounded.
#[must_use]
pub fn names_used(text: &[u8], dialect: Dialect, names: &WatchedNames) -> Vec<StatementNames> {
    let base = match dialect {
        Dialect::Redshift => Rules::with_escapes(Escapes::Always),
        Dialect::PostgreSql => Rules::with_escapes(Escapes::EPrefix),
    };
    let mut found = read::statements(text, base, names);
    for other in readings::others(base, doubts(text, base)) {
        add_missing(&mut found, read::statements(text, other, names));
    }
    found
}

/// The rules that make a difference in a text.
fn doubts(text: &[u8], rules: Rules) -> Doubts {
    let mut lexer = Lexer::starting_at(text, 0, rules);
    lexer.by_ref().for_each(drop);
    lexer.doubts()
}

/// Adds what a server of other rules would use, which is not certain to be used.
fn add_missing(found: &mut Vec<StatementNames>, others: Vec<StatementNames>) {
    for mut other in others {
        for mention in &mut other.mentions {
            mention.is_exact = false;
        }
        match found.iter_mut().find(|one| one.span.start == other.span.start) {
            None => found.push(other),
            Some(one) => {
                let is_new = |mention: &Mention| !one.mentions.iter().any(|known| known.span == mention.span);
                let new: Vec<Mention> = other.mentions.into_iter().filter(is_new).collect();
                for mention in new {
                    one.add(mention);
                }
            }
        }
    }
}
