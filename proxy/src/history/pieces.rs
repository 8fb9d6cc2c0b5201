//! Statements that the cluster keeps in pieces: joined by their sequence, their escapes undone.
//!
//! Sources: Amazon Redshift Database Developer Guide, `STL_QUERYTEXT`, `STL_DDLTEXT`, `SVL_STATEMENTTEXT`, `SYS_QUERY_TEXT`. A piece
//! has 200 or 4,000 bytes; an export loses the blanks at its end, which are put back. An escape can stand across a border, so that
//! pieces are joined first.

use std::borrow::Cow;
use std::collections::BTreeMap;

use memchr::memchr;

/// One row of a table of texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Piece {
    /// Its place in the statement, from 0.
    pub sequence: i64,
    /// The text as it is stored.
    pub text: String,
}

/// A statement of pieces.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JoinedText {
    /// The text as it was sent.
    pub text: String,
    /// What is wrong with it; the text is not all of the statement then.
    pub trouble: Option<&'static str>,
}

/// Joins the pieces that the cluster's keys say are of one statement. More than one comes back where they are not.
#[must_use]
pub fn join(pieces: &[Piece], width: usize, limit: Option<usize>) -> Vec<JoinedText> {
    let mut by_sequence: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
    for piece in pieces {
        let texts = by_sequence.entry(piece.sequence).or_default();
        // The same file may be read twice, and SVL_STATEMENTTEXT holds what STL_DDLTEXT does.
        // Blanks at the end are padding, which some exports keep.
        let text = piece.text.trim_end_matches(' ');
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let is_single = by_sequence.values().all(|texts| texts.len() == 1);
    if is_single {
        return vec![one(&by_sequence, width, limit)];
    }
    let trouble = "pieces of several statements have the same keys and cannot be told apart";
    let is_ambiguous = by_sequence.len() > 1;
    let texts = by_sequence.values().flatten();
    texts
        .map(|text| JoinedText {
            text: unescape(text.trim_end()).into_owned(),
            trouble: is_ambiguous.then_some(trouble),
        })
        .collect()
}

fn one(by_sequence: &BTreeMap<i64, Vec<&str>>, width: usize, limit: Option<usize>) -> JoinedText {
    let is_whole = by_sequence.keys().zip(0_i64..).all(|(found, expected)| *found == expected);
    let mut text = String::new();
    let count = by_sequence.len();
    for (number, piece) in by_sequence.values().flatten().enumerate() {
        text.push_str(piece);
        if number.saturating_add(1) < count {
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(piece.len())));
        }
    }
    let is_cut = limit.is_some_and(|limit| text.trim_end().chars().count() == limit);
    let trouble = if !is_whole {
        Some("pieces of this statement are missing")
    } else if is_cut {
        Some("the text fills its column, so its end may be missing")
    } else {
        None
    };
    JoinedText { text: unescape(text.trim_end()).into_owned(), trouble }
}

/// Undoes the escapes of stored texts: `\n`, `\r` and `\\`. What else follows a backslash stays as it is.
#[must_use]
pub fn unescape(text: &str) -> Cow<'_, str> {
    // A text with real line feeds was never escaped, or is so no more.
    if memchr(b'\\', text.as_bytes()).is_none() || memchr(b'\n', text.as_bytes()).is_some() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('\\') | None => plain.push('\\'),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(rows: &[(i64, &str)]) -> Vec<Piece> {
        rows.iter().map(|(sequence, text)| Piece { sequence: *sequence, text: (*text).to_owned() }).collect()
    }

    fn joined(rows: &[(i64, &str)]) -> Vec<(String, bool)> {
        join(&pieces(rows), 6, Some(24)).into_iter().map(|one| (one.text, one.trouble.is_some())).collect()
    }

    /// (what the row shows, pieces of six, texts and whether something is wrong)
    #[test]
    fn pieces_are_joined() {
        let rows: &[(&str, &[(i64, &str)], &[(&str, bool)])] = &[
            ("one", &[(0, "select")], &[("select", false)]),
            ("in any order", &[(1, " 1"), (0, "select")], &[("select 1", false)]),
            ("blanks at a border", &[(0, "from"), (1, "t      ")], &[("from  t", false)]),
            ("an escape across a border", &[(0, "abcde\\"), (1, "nx\\\\n")], &[("abcde\nx\\n", false)]),
            ("the middle is missing", &[(0, "select"), (2, "x")], &[("selectx", true)]),
            ("the start is missing", &[(1, "x")], &[("x", true)]),
            ("the same piece twice", &[(0, "select"), (1, " 1"), (0, "select")], &[("select 1", false)]),
            ("two short statements", &[(0, "begin"), (0, "commit")], &[("begin", false), ("commit", false)]),
            (
                "two that cannot be told apart",
                &[(0, "copy a"), (0, "copy b"), (1, "c")],
                &[("copy a", true), ("copy b", true), ("c", true)],
            ),
            (
                "as long as the column",
                &[(0, "abcdef"), (1, "abcdef"), (2, "abcdef"), (3, "abcdef")],
                &[("abcdefabcdefabcdefabcdef", true)],
            ),
        ];
        for (what, given, want) in rows {
            let want: Vec<(String, bool)> = want.iter().map(|(text, trouble)| ((*text).to_owned(), *trouble)).collect();
            assert_eq!(joined(given), want, "{what}");
        }
    }

    #[test]
    fn escapes() {
        for (stored, sent) in [
            (r"select\n1", "select\n1"),
            (r"'\\n\\l'", r"'\n\l'"),
            (r"a\r\nb", "a\r\nb"),
            (r"a\tb\", r"a\tb\"),
            ("real\nline \\n", "real\nline \\n"),
        ] {
            assert_eq!(unescape(stored), sent, "{stored}");
        }
    }
}
