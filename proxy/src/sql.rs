//! Reading SQL: message text -> the statements that carry credentials, with their role uses. Pure; knows nothing of the
//! wire or of policies.

pub mod analyse;
pub mod carriers;
pub mod clauses;
pub mod cursor;
pub mod draft;
pub mod encoding;
pub mod grants;
pub mod lexer;
pub mod literal;
pub mod mask;
pub mod model;
pub mod position;
pub mod procedures;
pub mod settings;
pub mod skim;
#[cfg(test)]
mod tests;
pub mod words;

pub use encoding::{is_unsafe_encoding, options_ask_for_unsafe_encoding};
pub use mask::mask;
pub use model::{
    Analysis, Clause, Dialect, Effect, Fault, FaultKind, Method, MethodKind, Reading, RoleUse, Statement,
    StatementKind, Target,
};

use crate::sql::analyse::{Context, Place, analyse};
use crate::sql::lexer::{Escapes, Lexer, TokenKind, Trouble};
use crate::sql::skim::Skim;
use crate::sql::words::{Head, holds_credential_word};

/// Reads the text of one `Query` or `Parse`, without its terminating NUL. One pass of the lexer and no allocation when
/// nothing in the text is to be judged; linear time and bounded memory on any text.
#[must_use]
pub fn read(text: &[u8], dialect: Dialect) -> Reading {
    let statements = match dialect {
        Dialect::Redshift => read_with(text, dialect, Escapes::Always),
        Dialect::PostgreSql => read_both_ways(text),
    };
    if statements.is_empty() { Reading::Plain } else { Reading::Analysed(Analysis { statements }) }
}

/// Whether the lexer's pass alone shows that nothing in a text is to be judged; [`read`] gives [`Reading::Plain`] then. What it
/// does not show so may be plain all the same.
#[must_use]
pub fn is_plain(text: &[u8], dialect: Dialect) -> bool {
    match dialect {
        Dialect::Redshift => !may_matter(text, Escapes::Always),
        // Without a backslash both settings of standard_conforming_strings read the same.
        Dialect::PostgreSql => {
            let has_backslash = || memchr::memchr(b'\\', text).is_some();
            !(may_matter(text, Escapes::EPrefix) || (has_backslash() && may_matter(text, Escapes::Always)))
        }
    }
}

fn read_with(text: &[u8], dialect: Dialect, escapes: Escapes) -> Vec<Statement> {
    if !may_matter(text, escapes) {
        return Vec::new();
    }
    analyse(text, Context { dialect, escapes, place: Place::Message, depth: 0 })
}

/// Reads under both settings of `standard_conforming_strings`. Where the readings differ on credentials, both are shown
/// and the text is refused.
fn read_both_ways(text: &[u8]) -> Vec<Statement> {
    let dialect = Dialect::PostgreSql;
    let mut on = read_with(text, dialect, Escapes::EPrefix);
    if memchr::memchr(b'\\', text).is_none() {
        return on;
    }
    let off = read_with(text, dialect, Escapes::Always);
    let names = |statements: &[Statement]| {
        statements.iter().any(|found| !found.role_uses.is_empty() || !found.faults.is_empty())
    };
    if on == off || !(names(&on) || names(&off)) {
        return on;
    }
    on.extend(off);
    let span = 0..text.len();
    let detail = "the text reads differently with standard_conforming_strings on and off".to_owned();
    let fault = Fault { kind: FaultKind::Disguised, span: span.clone(), detail };
    on.push(Statement {
        kind: StatementKind::Unknown,
        span,
        role_uses: Vec::new(),
        faults: vec![fault],
        effect: None,
        parameters_may_name_roles: false,
    });
    on
}

/// The pass that every statement gets: whether it holds a word for which the grammar has to look closer.
fn may_matter(text: &[u8], escapes: Escapes) -> bool {
    let mut lexer = Lexer::new(text, escapes);
    let (mut head, mut skim) = (Head::default(), Skim::default());
    while let Some(token) = lexer.next() {
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        match token.kind {
            TokenKind::Word if head.meets(bytes) => return true,
            TokenKind::Word => {}
            TokenKind::Symbol(b';') => head = Head::default(),
            TokenKind::Quoted
                if words::quoted_matters(literal::inside(bytes)) || literal::is_unicode_identifier(text, token) =>
            {
                return true;
            }
            _ => head.other(),
        }
        if head.is_past() {
            lexer.skip_ahead(&mut skim);
        }
    }
    match lexer.trouble() {
        None => false,
        Some((Trouble::Nul, _)) => true,
        Some((_, at)) => holds_credential_word(text.get(at..).unwrap_or_default()),
    }
}

/// Whether an argument of CALL looks like a role's ARN, or part of a credential.
#[must_use]
pub fn names_role(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let holds = |part: &str| memchr::memmem::find(&lower, part.as_bytes()).is_some();
    holds(":role/") || (holds("arn:") && holds(":iam:")) || holds("aws_iam_role")
}
