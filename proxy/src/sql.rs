//! Reading SQL: message text -> the statements that carry credentials, with their role uses. Pure; knows nothing of the
//! wire or of policies.

pub mod analyse;
pub mod carriers;
pub mod clauses;
pub mod context;
pub mod cursor;
pub mod data;
pub mod encoding;
pub mod executed;
pub mod expression;
pub mod fault;
pub mod gaps;
pub mod grants;
pub mod known;
pub mod lexer;
pub mod literal;
pub mod mask;
pub mod model;
pub mod names;
pub mod outline;
pub mod position;
pub mod procedures;
pub mod quoting;
pub mod readings;
pub mod references;
pub mod settings;
pub mod signs;
pub mod skim;
pub mod split;
pub mod statement;
pub mod template;
#[cfg(test)]
mod tests;
pub mod turn;
pub mod turns;
pub mod variables;
pub mod vocabulary;
pub mod watch;
pub mod words;

pub use encoding::{is_unsafe_encoding, options_ask_for_unsafe_encoding, reads_by_encoding};
pub use fault::{Fault, FaultKind};
pub use known::{NameCounts, WatchedNames};
pub use mask::{MASK, mask, mask_within};
pub use model::{
    Analysis, Clause, Dialect, Effect, Method, MethodKind, Reading, RoleUse, Statement, StatementKind, Target,
};
pub use quoting::startup_may_move_catalog;
pub use references::{Mention, MentionedAs, NameChange, NamePart, NamedObject, StatementNames, names_used};
pub use signs::{holds_sign, names_role};
pub use turn::Turn;
pub use watch::Watch;

use crate::sql::known::{NoNames, Watchlist};
use crate::sql::lexer::{Doubts, Escapes, Lexer, Rules, TokenKind, Trouble};
use crate::sql::position::Positions;
use crate::sql::skim::Skim;
use crate::sql::statement::StatementBuilder;
use crate::sql::words::Head;

/// Reads the text of one `Query` or `Parse`, without its terminating NUL. One pass of the lexer and no allocation when
/// nothing in the text is to be judged; linear time and bounded memory on any text.
#[must_use]
pub fn read(text: &[u8], dialect: Dialect) -> Reading {
    let (matters, doubts) = look(text);
    let mut statements = if matters { readings::statements(text, dialect, doubts) } else { Vec::new() };
    let mut positions = None;
    for statement in &mut statements {
        merge_executes(statement, |at| positions.get_or_insert_with(|| Positions::of(text)).at(at).line);
    }
    let has = |effect: &Effect| statements.iter().any(|one| one.effects.contains(effect));
    if has(&Effect::TrustsQuoting) && has(&Effect::MovesCatalog) {
        add_moved(&mut statements);
    }
    if let Some(at) = memchr::memchr(0, text) {
        let mut nul = StatementBuilder::new(StatementKind::Unknown, at..text.len());
        nul.add_fault(FaultKind::Unreadable, at..at.saturating_add(1), Trouble::Nul.as_str().to_owned());
        statements.extend(nul.finish());
    }
    if statements.is_empty() { Reading::Plain } else { Reading::Analysed(Analysis { statements }) }
}

/// One statement of a message moves what another one trusts.
fn add_moved(statements: &mut [Statement]) {
    let moves = |one: &&mut Statement| one.effects.contains(&Effect::MovesCatalog);
    for one in statements.iter_mut().filter(moves) {
        if !one.faults.iter().any(|fault| fault.detail == quoting::MOVED) {
            let (kind, span, detail) = (FaultKind::DynamicSql, one.span.clone(), quoting::MOVED.to_owned());
            one.faults.push(Fault { kind, span, detail });
        }
    }
}

/// Several EXECUTEs of one procedure are one fault, which says where they stand.
fn merge_executes(statement: &mut Statement, mut line_of: impl FnMut(usize) -> usize) {
    let Statement { faults, role_uses, .. } = statement;
    let is_open =
        |fault: &Fault| fault.kind == FaultKind::DynamicSql && fault.detail.starts_with(procedures::OPEN_EXECUTE);
    // One on a credential stands for itself: what is borne with there says nothing of the others.
    let alike = |fault: &Fault| is_open(fault) && !fault.is_on(role_uses);
    let executes: Vec<&Fault> = faults.iter().filter(|fault| alike(fault)).collect();
    let [first, _, ..] = executes.as_slice() else { return };
    let lines: Vec<String> = executes.iter().map(|fault| line_of(fault.span.start).to_string()).collect();
    let more = executes.last().and_then(|last| last.detail.strip_prefix(procedures::OPEN_EXECUTE)).unwrap_or_default();
    let detail =
        format!("{}; {} of them, in lines {}{more}", procedures::OPEN_EXECUTE, executes.len(), lines.join(", "));
    let merged = Fault { kind: first.kind, span: first.span.clone(), detail };
    faults.retain(|fault| !alike(fault));
    faults.push(merged);
}

/// What a text does with known names.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoredNames {
    /// Statements that use some.
    pub statements: Vec<StatementNames>,
    /// How names resolve from then on.
    pub turns: Vec<Effect>,
    /// Objects that it makes, and known ones that it renames or drops, each with the byte at which its statement begins.
    pub changes: Vec<(usize, NameChange)>,
}

impl StoredNames {
    /// Whether it does nothing: what is made of nothing that is known is no matter.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.turns.is_empty() && self.changes.iter().all(|(_, change)| change.is_made())
    }
}

/// What a text does with known names, and how it changes what they stand for.
#[must_use]
pub fn stored_names(text: &[u8], dialect: Dialect, names: &WatchedNames) -> StoredNames {
    let mut statements = names_used(text, dialect, names);
    let turns = turns::turns(text, FIRST_RULES, &statements);
    statements.retain(|statement| !statement.mentions.is_empty() || statement.is_cut);
    let changes = changes(text, |part| names.holds(&part.text));
    StoredNames { statements, turns, changes }
}

/// The objects that a text makes, where no name is known so far.
#[must_use]
pub fn made_names(text: &[u8]) -> StoredNames {
    StoredNames { changes: changes(text, |_name| false), ..StoredNames::default() }
}

/// What a text does to names. A known view that is made of nothing that is known is one that is gone.
fn changes(text: &[u8], is_known: impl Fn(&NamePart) -> bool) -> Vec<(usize, NameChange)> {
    let is_one = |change: &NameChange| change.name().last().is_some_and(&is_known);
    let mut changes = Vec::new();
    for (at, change) in references::changes(text, FIRST_RULES) {
        let is_known = is_one(&change);
        if is_known && let NameChange::Made { name, .. } = &change {
            changes.push((at, NameChange::Dropped { name: name.clone() }));
        }
        if is_known || change.is_made() {
            changes.push((at, change));
        }
    }
    changes
}

/// What the lexer's pass alone shows of a text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Glance {
    /// Nothing in it is to be judged.
    Plain,
    /// Nothing but names of the watchlist, which stand in it where they count, or a change of how names resolve.
    Named,
    /// The grammar has to look closer.
    Matters,
}

/// Whether the lexer's pass alone shows that nothing in a text is to be judged; [`read`] gives [`Reading::Plain`] then. What it
/// does not show so may be plain all the same. The text holds no NUL: on the wire one ends it.
#[must_use]
pub fn is_plain(text: &[u8], _dialect: Dialect) -> bool {
    !look(text).0
}

/// What that pass shows where names count, too. It allocates nothing, and where no known name stands in the text it takes little longer.
#[must_use]
pub fn glance(text: &[u8], _dialect: Dialect, names: Option<&WatchedNames>) -> Glance {
    let Some(names) = names else { return if look(text).0 { Glance::Matters } else { Glance::Plain } };
    let seen = may_matter(text, FIRST_RULES, names);
    if seen.matters || (!seen.doubts.is_empty() && look_again(text, FIRST_RULES, seen.doubts).0) {
        return Glance::Matters;
    }
    // What one rule reads as a string, another may read as names.
    let may_name = seen.may_name || !seen.doubts.is_empty();
    if seen.may_turn || (may_name && stand_in(names, text, seen.doubts)) { Glance::Named } else { Glance::Plain }
}

/// Whether known names stand in a text where they count, or may.
#[must_use]
pub fn holds_names(text: &[u8], names: &WatchedNames) -> bool {
    let mut lexer = Lexer::starting_at(text, 0, FIRST_RULES);
    lexer.by_ref().for_each(drop);
    stand_in(names, text, lexer.doubts())
}

/// Whether known names stand in a text where they count, under the first rules or any other that makes a difference in it.
#[cold]
fn stand_in(names: &WatchedNames, text: &[u8], doubts: Doubts) -> bool {
    names.stand_in(text, FIRST_RULES) || readings::others(FIRST_RULES, doubts).any(|rules| names.stand_in(text, rules))
}

/// The rules under which a text is looked at first. All dialects read a text without a difference the same.
const FIRST_RULES: Rules = Rules::with_escapes(Escapes::Always);

/// The pass that every statement gets: whether it holds a word for which the grammar has to look closer, under Redshift's rules or,
/// where it has met a difference, under any other.
#[inline]
fn look(text: &[u8]) -> (bool, Doubts) {
    let Seen { matters, doubts, .. } = may_matter(text, FIRST_RULES, &NoNames);
    if matters || doubts.is_empty() { (matters, doubts) } else { look_again(text, FIRST_RULES, doubts) }
}

#[cold]
fn look_again(text: &[u8], base: Rules, mut doubts: Doubts) -> (bool, Doubts) {
    let mut read: Vec<Rules> = Vec::new();
    while let Some(other) = readings::others(base, doubts).find(|other| !read.contains(other)) {
        read.push(other);
        let seen = may_matter(text, other, &NoNames);
        doubts = doubts.or(seen.doubts);
        if seen.matters {
            return (true, doubts);
        }
    }
    (false, doubts)
}

/// What one pass has seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// A word for which the grammar has to look closer. The pass has ended there.
    matters: bool,
    /// A name of the watchlist may stand in the text.
    may_name: bool,
    /// A statement may change how names resolve.
    may_turn: bool,
    doubts: Doubts,
}

/// Whether the lexer meets a word for which the grammar has to look closer.
fn may_matter(text: &[u8], rules: Rules, names: &impl Watchlist) -> Seen {
    let mut lexer = Lexer::starting_at(text, 0, rules);
    let (mut head, mut skim, mut may_name, mut may_turn) = (Head::default(), Skim::default(), false, false);
    while let Some(token) = lexer.next() {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        if names.is_any() {
            may_name = may_name || names_may_meet(text, token, names);
            may_turn = may_turn || (token.kind == TokenKind::Word && head.turns(bytes));
        }
        match token.kind {
            TokenKind::Word if head.meets(bytes) => {
                return Seen { matters: true, may_name, may_turn, doubts: lexer.doubts() };
            }
            TokenKind::Word => {}
            TokenKind::Symbol(b';') => head = Head::default(),
            TokenKind::Quoted
                if words::quoted_matters(literal::inside(bytes)) || literal::is_unicode_identifier(text, token) =>
            {
                return Seen { matters: true, may_name, may_turn, doubts: lexer.doubts() };
            }
            kind if kind.is_literal() && head.defines() && may_name_role(text, token) => {
                return Seen { matters: true, may_name, may_turn, doubts: lexer.doubts() };
            }
            _ => head.other(),
        }
        if head.is_past() {
            lexer.skip_ahead(|text, at| skim.next(text, at, names));
        }
    }
    let matters = lexer.trouble().is_some() && holds_sign(text);
    let is_cut = lexer.trouble().is_some_and(|(trouble, _)| trouble == Trouble::Hash);
    Seen { matters, may_name: may_name || skim.may_name() || is_cut, may_turn, doubts: lexer.doubts() }
}

/// Whether a token may end a name of the watchlist, or is the dot behind one.
#[inline]
fn names_may_meet(text: &[u8], token: lexer::Token, names: &impl Watchlist) -> bool {
    match token.kind {
        TokenKind::Symbol(b'.') if !names.watches_words() => names.may_stand_before(text, token.start),
        TokenKind::Word if names.watches_words() => names.may_end(text, token.end),
        TokenKind::Quoted if names.watches_words() => names.may_end(text, token.end.saturating_sub(1)),
        _ => false,
    }
}

/// Whether a literal holds a role's ARN. Most hold nothing that one could be made of.
fn may_name_role(text: &[u8], token: lexer::Token) -> bool {
    let bytes = text.get(token.start..token.end).unwrap_or_default();
    memchr::memchr2(b':', b'\\', bytes).is_some()
        && literal::decode(text, token).is_some_and(|literal| names_role(&literal.bytes))
}
