//! A text with placeholders in which values, or harmless words, are put into their places: what is judged, and from which byte of the
//! source each of its bytes comes.

use std::ops::Range;

use crate::cli::check::jinja::{self, BlockKind, Values};
use crate::cli::check::psql::{self, VariableForm};

/// What is written where an expression has no value here. No keyword, and no part of a role's ARN.
const STAND_IN: &str = "jinja_expression";

/// Something that another program puts a value in for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Placeholder {
    pub(super) kind: PlaceholderKind,
    /// As it stands in the source.
    pub(super) written: String,
    /// Where it, or what stands in for it, is in the text that is judged.
    pub(super) span: Range<usize>,
}

/// Whose a placeholder is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PlaceholderKind {
    /// A Jinja expression
    Jinja,
    /// A variable of psql
    Psql,
}

/// A text whose placeholders have been replaced.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Rendered {
    /// What is judged.
    pub(super) bytes: Vec<u8>,
    /// Those that have no value.
    pub(super) open: Vec<Placeholder>,
    pieces: Vec<Piece>,
}

/// From `to` on, bytes of the judged text come from `from` on in the source; all from there, where they are put in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Piece {
    to: usize,
    from: usize,
    is_copied: bool,
}

impl Rendered {
    /// The byte of the source that a byte of the judged text comes from.
    pub(super) fn source(&self, at: usize) -> usize {
        let behind = self.pieces.partition_point(|piece| piece.to <= at);
        match behind.checked_sub(1).and_then(|last| self.pieces.get(last)) {
            Some(piece) if piece.is_copied => piece.from.saturating_add(at.saturating_sub(piece.to)),
            Some(piece) => piece.from,
            None => at,
        }
    }

    fn put(&mut self, from: usize, bytes: &[u8], is_copied: bool) -> Range<usize> {
        let to = self.bytes.len();
        self.pieces.push(Piece { to, from, is_copied });
        self.bytes.extend_from_slice(bytes);
        to..self.bytes.len()
    }

    fn open(&mut self, kind: PlaceholderKind, source: &[u8], from: usize, stand_in: &[u8]) {
        let span = self.put(from, stand_in, false);
        self.open.push(Placeholder { kind, written: String::from_utf8_lossy(source).into_owned(), span });
    }
}

/// What dbt would send, as far as it is known: expressions have their values, and the text of every branch stays.
pub(super) fn of_jinja(source: &[u8], values: &Values) -> Rendered {
    let mut rendered = Rendered::default();
    let mut at = 0;
    for block in jinja::blocks(source) {
        let written = source.get(block.span.clone()).unwrap_or_default();
        let before = source.get(at..block.span.start).unwrap_or_default();
        rendered.put(at, before, true);
        at = block.span.end;
        match block.kind {
            BlockKind::Comment => {}
            BlockKind::Statement => {
                rendered.put(block.span.start, b" ", false);
            }
            BlockKind::Expression => match values.of(&String::from_utf8_lossy(written)) {
                Some(value) => {
                    rendered.put(block.span.start, value.as_bytes(), false);
                }
                None if is_silent(written) => {}
                None => rendered.open(PlaceholderKind::Jinja, written, block.span.start, STAND_IN.as_bytes()),
            },
        }
    }
    rendered.put(at, source.get(at..).unwrap_or_default(), true);
    rendered
}

/// Whether an expression stands for nothing: `config(…)`.
fn is_silent(expression: &[u8]) -> bool {
    let inside = expression.get(2..).unwrap_or_default();
    let inside = inside.strip_prefix(b"-").unwrap_or(inside).trim_ascii_start();
    inside.strip_prefix(b"config").is_some_and(|rest| rest.trim_ascii_start().starts_with(b"("))
}

/// What psql would send. A variable without a value stays a word of its own that is no keyword: `:'role'` becomes `'_role'`.
pub(super) fn of_psql(source: &[u8], values: &Values) -> Option<Rendered> {
    let variables = psql::variables(source);
    if variables.is_empty() {
        return None;
    }
    let mut rendered = Rendered::default();
    let mut at = 0;
    for variable in variables {
        rendered.put(at, source.get(at..variable.span.start).unwrap_or_default(), true);
        at = variable.span.end;
        if let Some(value) = values.vars.get(&variable.name) {
            rendered.put(variable.span.start, variable.written(value).as_bytes(), false);
        } else {
            let name = format!("_{}", variable.name);
            let stand_in = match variable.form {
                VariableForm::Bare => name,
                VariableForm::Literal => format!("'{name}'"),
                VariableForm::Identifier => format!("\"{name}\""),
            };
            let written = source.get(variable.span.clone()).unwrap_or_default();
            rendered.open(PlaceholderKind::Psql, written, variable.span.start, stand_in.as_bytes());
        }
    }
    rendered.put(at, source.get(at..).unwrap_or_default(), true);
    Some(rendered)
}

/// The expressions of a text that is judged as it stands: it is not known to be a template, so nothing of it is taken out.
pub(super) fn expressions(source: &[u8]) -> Vec<Placeholder> {
    let blocks = jinja::blocks(source).into_iter().filter(|block| block.kind == BlockKind::Expression);
    blocks
        .map(|block| Placeholder {
            kind: PlaceholderKind::Jinja,
            written: String::from_utf8_lossy(source.get(block.span.clone()).unwrap_or_default()).into_owned(),
            span: block.span,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(rendered: &Rendered) -> &str {
        std::str::from_utf8(&rendered.bytes).unwrap()
    }

    #[test]
    fn jinja_is_put_in_and_places_lead_back() {
        let values = Values { vars: [("r".to_owned(), "arn:long".to_owned())].into(), ..Values::default() };
        let source =
            b"{{ config(a='}}') }}copy {{ this }} {# x #}from 'a'\niam_role '{{ var(\"r\") }}' {% if a %}b{% endif %}";
        let rendered = of_jinja(source, &values);
        assert_eq!(text(&rendered), "copy jinja_expression from 'a'\niam_role 'arn:long'  b ");
        let [open] = rendered.open.as_slice() else { panic!("{:?}", rendered.open) };
        assert_eq!((open.written.as_str(), text(&rendered).get(open.span.clone()).unwrap()), ("{{ this }}", STAND_IN));
        for (words, source_words) in
            [("copy", "copy"), ("iam_role", "iam_role"), ("arn", "{{ var(\"r\")"), ("b ", "b{%")]
        {
            let at = rendered.source(text(&rendered).find(words).unwrap());
            assert!(source[at..].starts_with(source_words.as_bytes()), "{words}");
        }
        assert_eq!(rendered.source(rendered.bytes.len()), source.len());
    }

    /// A variable without a value never becomes a word that means something.
    #[test]
    fn psql_is_put_in() {
        let values = Values { vars: [("p".to_owned(), "s3://b'".to_owned())].into(), ..Values::default() };
        let rendered = of_psql(b"copy :\"t\" from :'p' iam_role :default;x iam_role :'SESSION'", &values).unwrap();
        assert_eq!(text(&rendered), "copy \"_t\" from 's3://b''' iam_role _default;x iam_role '_SESSION'");
        let written: Vec<&str> = rendered.open.iter().map(|open| open.written.as_str()).collect();
        assert_eq!(written, [":\"t\"", ":default", ":'SESSION'"]);
        assert_eq!(of_psql(b"select a::text", &values), None);
    }
}
