//! A statement's text cut at its credentials, so that a reader can mark them without counting bytes or characters. Pure.

use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use crate::gate::verdict::JudgedUse;
use crate::observe::audit::AuditRecord;

/// A piece of a statement's text.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, ToSchema)]
pub(in crate::admin) struct Segment {
    /// The text, secrets masked.
    pub text: String,
    /// The role use whose credential it is, by its place in `role_uses`.
    pub role_use: Option<usize>,
}

/// A record's text in pieces, which joined are the text.
pub(in crate::admin) fn segments(record: &AuditRecord) -> Vec<Segment> {
    let mut places: Vec<(Range<usize>, usize)> = Vec::new();
    for (number, role_use) in record.role_uses.iter().enumerate() {
        places.extend(place(&record.statement, record.start, role_use).map(|place| (place, number)));
    }
    places.sort_by_key(|(place, _)| place.start);
    let (mut pieces, mut at) = (Vec::new(), 0);
    let mut push = |range: Range<usize>, role_use| {
        if let Some(text) = record.statement.get(range).filter(|text| !text.is_empty()) {
            pieces.push(Segment { text: text.to_owned(), role_use });
        }
    };
    for (place, number) in places {
        if place.start >= at {
            push(at..place.start, None);
            at = place.end;
            push(place, Some(number));
        }
    }
    push(at..record.statement.len(), None);
    pieces
}

/// Where a credential stands in the masked text of its statement. What is masked before it moves it, so that the literal is looked for
/// where it is not at its place: the nearest one that reads the same.
fn place(text: &str, start: usize, role_use: &JudgedUse) -> Option<Range<usize>> {
    let expected = role_use.span.start.checked_sub(start)?;
    let exact = expected..expected.checked_add(role_use.span.len())?;
    let literal =
        if role_use.roles.is_empty() { role_use.method.as_str().to_owned() } else { role_use.roles.join(",") };
    let holds = |range: &Range<usize>| {
        text.get(range.clone()).is_some_and(|found| found.to_ascii_lowercase().contains(&literal.to_ascii_lowercase()))
    };
    if holds(&exact) {
        return Some(exact);
    }
    if role_use.roles.is_empty() {
        return None;
    }
    let found = text.match_indices(&literal).map(|(at, found)| at..at.saturating_add(found.len()));
    found.min_by_key(|range| range.start.abs_diff(expected))
}
