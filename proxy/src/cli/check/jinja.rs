//! Jinja in a text: where it stands, and what the simplest of its expressions stand for.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};

/// One piece of Jinja.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct JinjaBlock {
    pub(super) kind: BlockKind,
    pub(super) span: Range<usize>,
}

/// What a piece of Jinja is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum BlockKind {
    /// `{{ … }}`, which stands for a text
    Expression,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
}

/// The Jinja of a text in order; what does not end is none. Jinja is read before SQL, so quotes around it do not matter.
pub(super) fn blocks(text: &[u8]) -> Vec<JinjaBlock> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some(open) =
        text.get(at..).and_then(|rest| memchr::memchr(b'{', rest)).map(|found| found.saturating_add(at))
    {
        let kind = match text.get(open.saturating_add(1)) {
            Some(b'{') => BlockKind::Expression,
            Some(b'%') => BlockKind::Statement,
            Some(b'#') => BlockKind::Comment,
            _ => {
                at = open.saturating_add(1);
                continue;
            }
        };
        let Some(end) = end(text, open.saturating_add(2), kind) else { break };
        found.push(JinjaBlock { kind, span: open..end });
        at = end;
    }
    found
}

/// The byte behind a block whose inside begins at `at`.
fn end(text: &[u8], mut at: usize, kind: BlockKind) -> Option<usize> {
    let (mut quote, mut depth) = (None, 0_usize);
    loop {
        let byte = *text.get(at)?;
        let next = text.get(at.saturating_add(1)).copied();
        at = at.saturating_add(1);
        let ends = |mark: u8| byte == mark && next == Some(b'}');
        match (kind, quote, byte) {
            (BlockKind::Comment, ..) if ends(b'#') => return Some(at.saturating_add(1)),
            (_, Some(open), _) if byte == open => quote = None,
            (_, Some(_), b'\\') => at = at.saturating_add(1),
            (BlockKind::Comment, ..) | (_, Some(_), _) => {}
            (_, None, b'\'' | b'"') => quote = Some(byte),
            (BlockKind::Statement, None, _) if ends(b'%') => return Some(at.saturating_add(1)),
            (BlockKind::Expression, None, _) if depth == 0 && ends(b'}') => return Some(at.saturating_add(1)),
            (_, None, b'{') => depth = depth.saturating_add(1),
            (_, None, b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// Where a text that is not known to be a template is one: at the first `{{` or `{%`, which SQL has inside of literals only.
pub(super) fn start(text: &[u8]) -> Option<usize> {
    let is_open = |pair: &[u8]| memchr::memmem::find(text, pair).is_some();
    if !is_open(b"{{") && !is_open(b"{%") {
        return None;
    }
    let mut before: Option<Token> = None;
    for token in Lexer::new(text, Escapes::Always).by_ref() {
        if let Some(open) = before
            && open.kind == TokenKind::Symbol(b'{')
            && open.end == token.start
            && matches!(token.kind, TokenKind::Symbol(b'{' | b'%'))
        {
            return Some(open.start);
        }
        before = Some(token);
    }
    None
}

/// What expressions stand for, as far as it is known without dbt.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    /// Of `var('name')`, and of psql's variables.
    pub(super) vars: BTreeMap<String, String>,
    /// Of `this` and its attributes.
    pub(super) this: BTreeMap<&'static str, String>,
}

impl Values {
    /// What an expression stands for: `var('a')`, `env_var("B", "default")`, `this`, `this.schema`. `None` for every other.
    pub(super) fn of(&self, expression: &str) -> Option<String> {
        let inside = expression.trim_start_matches(['{', '-', '+']).trim_end_matches(['}', '-', '+']).trim();
        if let Some(value) = self.this.get(inside) {
            return Some(value.clone());
        }
        let (function, rest) = inside.split_once('(')?;
        let (name, default) = arguments(rest.strip_suffix(')')?)?;
        match function.trim_end() {
            "var" => self.vars.get(&name).cloned().or(default),
            "env_var" => std::env::var(&name).ok().or(default),
            _ => None,
        }
    }
}

/// One or two literals.
fn arguments(text: &str) -> Option<(String, Option<String>)> {
    let (first, rest) = literal(text.trim_start())?;
    match rest.trim().strip_prefix(',') {
        None => rest.trim().is_empty().then_some((first, None)),
        Some(rest) => {
            let (second, rest) = literal(rest.trim_start())?;
            rest.trim().is_empty().then_some((first, Some(second)))
        }
    }
}

/// A literal without escapes, and what is behind it.
fn literal(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|letter| matches!(letter, '\'' | '"'))?;
    let (inside, rest) = text.strip_prefix(quote)?.split_once(quote)?;
    (!inside.contains('\\')).then(|| (inside.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        blocks(text.as_bytes()).into_iter().map(|block| text.get(block.span).unwrap()).collect()
    }

    /// (text, its Jinja)
    #[test]
    fn blocks_end_where_jinja_ends_them() {
        let rows: &[(&str, &[&str])] = &[
            ("select 1", &[]),
            ("select { x", &[]),
            ("iam_role '{{ var('a') }}'", &["{{ var('a') }}"]),
            ("{{ f('}}') }} {% if x %}a{% endif %}", &["{{ f('}}') }}", "{% if x %}", "{% endif %}"]),
            (r#"{{ f("\"}}") }}b"#, &[r#"{{ f("\"}}") }}"#]),
            ("{{ {'a': {'b': 1}} }}b", &["{{ {'a': {'b': 1}} }}"]),
            ("{# it's '}} #}b", &["{# it's '}} #}"]),
            ("{{ a }} {{ b", &["{{ a }}"]),
            ("", &[]),
            ("{", &[]),
            ("{{", &[]),
            ("{{}}", &["{{}}"]),
            ("{{ a }}}}", &["{{ a }}"]),
            ("{ {{ a }} }", &["{{ a }}"]),
            ("{%- set x = {'a': '%}'} -%}b", &["{%- set x = {'a': '%}'} -%}"]),
            ("{# {{ a }} #}{{ b }}", &["{# {{ a }} #}", "{{ b }}"]),
            ("{# # } #}b", &["{# # } #}"]),
            (r"{{ 'a\\' }}b", &[r"{{ 'a\\' }}"]),
            ("{{ \"it's\" }}b", &["{{ \"it's\" }}"]),
        ];
        for (text, expected) in rows {
            assert_eq!(found(text), *expected, "{text}");
        }
    }

    #[test]
    fn jinja_of_a_script_stands_outside_of_literals() {
        assert_eq!(start(b"select {{ ref('a') }}"), Some(7));
        assert_eq!(start(b"{% if x %} select 1"), Some(0));
        assert_eq!(start(b"select '{{ x }}' -- {{"), None);
        assert_eq!(start(b"select { { x"), None);
        assert_eq!(start(b"select 1 /* {{ x }} */ {% if y %}"), Some(23));
        assert_eq!(start(b"select $${{ x }}$$, \"{{ y }}\""), None);
        assert_eq!(start(b"{# a comment alone #}"), None);
        assert_eq!(start(b""), None);
    }

    /// (expression, value)
    #[test]
    fn the_simplest_expressions_have_values() {
        let values = Values {
            vars: BTreeMap::from([("role".to_owned(), "arn".to_owned())]),
            this: BTreeMap::from([("this", "\"d\".\"s\".\"t\"".to_owned()), ("this.schema", "s".to_owned())]),
        };
        for (expression, value) in [
            ("{{ var('role') }}", Some("arn")),
            ("{{- var( \"role\" , 'x' ) -}}", Some("arn")),
            ("{{ var('other') }}", None),
            ("{{ var('other', 'x') }}", Some("x")),
            ("{{ var('other', none) }}", None),
            ("{{ env_var('ROLEGATE_NO_SUCH_VARIABLE', '') }}", Some("")),
            ("{{ this }}", Some("\"d\".\"s\".\"t\"")),
            ("{{ this.schema }}", Some("s")),
            ("{{ this.include(schema=false) }}", None),
            ("{{ var('role') | upper }}", None),
            ("{{ f(var('role')) }}", None),
            ("{{ var('role') if x else var('role') }}", None),
            ("{{ var('role') ~ 'x' }}", None),
            ("{{ var('other', var('role')) }}", None),
            ("{{ var('other', 'x', 'y') }}", None),
            ("{{ var('other',) }}", None),
            (r"{{ var('ro\le') }}", None),
            ("{{ var(role) }}", None),
            ("{{ var () }}", None),
            ("{{ var ('role') }}", Some("arn")),
            ("{{ env_var('ROLEGATE_NO_SUCH_VARIABLE') }}", None),
            ("{{ thisx }}", None),
            ("{{ 'role' }}", None),
            ("{{}}", None),
        ] {
            assert_eq!(values.of(expression).as_deref(), value, "{expression}");
        }
    }
}
