//! A judged text with its lines counted: the places of its bytes, and what should be known of its statements.

use crate::cli::check::input::InputText;
use crate::cli::check::template::{Placeholder, PlaceholderKind};
use crate::gate::verdict::{JudgedStatement, JudgedUse};
use crate::sql::position::{Position, Positions};

/// Placeholders that are told of one statement one by one.
const MAX_PLACEHOLDERS: usize = 16;

/// A text with its lines counted.
#[derive(Clone, Debug)]
pub(super) struct SourcePlace<'a> {
    pub(super) text: &'a InputText,
    positions: Positions<'a>,
}

impl<'a> SourcePlace<'a> {
    pub(super) fn of(text: &'a InputText) -> Self {
        Self { text, positions: Positions::of(&text.source) }
    }

    /// The position within the file of a byte of the judged text.
    pub(super) fn position(&self, at: usize) -> Position {
        self.place(at).0
    }

    fn place(&self, at: usize) -> (Position, bool) {
        self.text.origin.place(self.within(at))
    }

    fn within(&self, at: usize) -> Position {
        self.positions.at(self.text.source_byte(at))
    }

    /// What somebody should know of a statement beside its findings: what it is, where it stands, and what is put into it.
    pub(super) fn notes(&self, statement: &JudgedStatement) -> Vec<String> {
        let mut notes: Vec<String> = self.text.about.iter().map(|about| format!("in {about}")).collect();
        let places = std::iter::once(statement.span.start).chain(statement.findings.iter().map(|finding| finding.at));
        if let Some(at) = places.into_iter().find(|at| !self.place(*at).1) {
            let line = self.within(at).line;
            notes.push(format!("line {line} of the compiled text; the model has no such line, so its first is named"));
        }
        let span = &statement.span;
        let open = self.text.placeholders();
        let first = open.partition_point(|open| open.span.end <= span.start);
        let within = open.iter().skip(first).take_while(|open| open.span.start < span.end);
        notes.extend(within.clone().take(MAX_PLACEHOLDERS).map(|open| note(open, self.text.judged(), statement)));
        let more = within.skip(MAX_PLACEHOLDERS).count();
        if more > 0 {
            notes.push(format!("the statement holds {more} more of them"));
        }
        notes
    }
}

/// Words that a credential follows.
const CREDENTIAL_WORDS: [&[u8]; 5] =
    [b"iam_role", b"credentials", b"access_key_id", b"secret_access_key", b"session_token"];

/// Whether a credential is expected at a byte of a text.
fn is_awaited(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default().trim_ascii_end();
    CREDENTIAL_WORDS.iter().any(|word| {
        let start = before.len().saturating_sub(word.len());
        before.get(start..).is_some_and(|last| last.eq_ignore_ascii_case(word))
    })
}

fn note(open: &Placeholder, judged: &[u8], statement: &JudgedStatement) -> String {
    let meets = |one: &JudgedUse| one.span.start < open.span.end && open.span.start < one.span.end;
    let is_credential = statement.uses.iter().any(meets) || is_awaited(judged, open.span.start);
    let what = if is_credential { "the credential" } else { "the statement" };
    let written = &open.written;
    match open.kind {
        PlaceholderKind::Jinja => {
            format!(
                "{what} holds the Jinja expression {written}, whose value is not known here; --vars gives values to var()"
            )
        }
        PlaceholderKind::Psql => {
            format!("{what} holds psql's variable {written}, whose value is not known here; --vars gives values")
        }
    }
}

#[cfg(test)]
mod tests;
