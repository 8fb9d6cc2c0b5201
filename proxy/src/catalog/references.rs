//! The names that the text of a view, function or procedure uses, read with our own lexer. It finds too many rather than too few:
//! an alias that has the name of a schema counts as the schema.

use std::collections::HashSet;

use crate::catalog::index::NamedAs;
use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind};
use crate::sql::literal;
use crate::sql::words::is_one_of;

/// The most names that are kept of one text; a text with more is one that cannot be followed.
const MAX_NAMES: usize = 1_024;
/// How deep literals within literals are read in the text of a procedure, which may execute them.
const MAX_DEPTH: usize = 4;
/// The most parts of a name that matter: database, schema, table, column.
const MAX_PARTS: usize = 4;

/// A name in a text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Reference {
    /// Its parts, unquoted words in lower case.
    pub parts: Vec<Box<str>>,
    /// What stands where it stands.
    pub named_as: NamedAs,
}

/// The names that a text uses.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct References {
    /// What is named, each once.
    pub names: HashSet<Reference>,
    /// There are, or may be, more: the text cannot be read to its end, or names too many.
    pub is_cut: bool,
}

/// Which names are worth keeping: texts name columns more than anything else.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct TextNames {
    /// Names of schemas and databases, in lower case; `None` where they could not be read, so that any name may be one.
    pub places: Option<HashSet<Box<str>>>,
    /// Names of functions that store or use credentials, in lower case.
    pub functions: HashSet<Box<str>>,
}

impl TextNames {
    fn is_place(&self, part: &str) -> bool {
        self.places.as_ref().is_none_or(|places| places.contains(part.to_ascii_lowercase().as_str()))
    }

    fn keeps(&self, reference: &Reference, in_from: bool) -> bool {
        match (reference.parts.as_slice(), reference.named_as) {
            ([_], NamedAs::Relation) => in_from,
            ([name], NamedAs::Function) => self.functions.contains(name.to_ascii_lowercase().as_str()),
            ([_], _) => true,
            (parts, _) => parts.iter().take(2).any(|part| self.is_place(part)),
        }
    }
}

/// Whether the text runs what its literals hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Literals {
    /// They are data.
    Data,
    /// They may be statements, as in the body of a procedure.
    Statements,
}

impl References {
    /// The names that a text uses.
    #[must_use]
    pub(super) fn of(text: &str, literals: Literals, known: &TextNames) -> Self {
        let mut references = Self::default();
        let depth = if literals == Literals::Statements { MAX_DEPTH } else { 0 };
        let ends = references.read(text.as_bytes(), depth, known);
        references.is_cut |= !ends;
        references
    }

    /// Whether the text can be read to its end. A literal that cannot may be a part of a statement: what stands in it was read as far
    /// as it goes, and whether the statement can be told is up to the grammar.
    fn read(&mut self, text: &[u8], depth: usize, known: &TextNames) -> bool {
        let mut lexer = Lexer::new(text, Escapes::Always);
        let mut walk = Walk::default();
        for token in lexer.by_ref() {
            self.keep(walk.meets(text, token), known);
            if depth > 0
                && let Some(literal) = literal::decode(text, token)
            {
                self.read(&literal.bytes, depth.saturating_sub(1), known);
            }
            if self.is_cut {
                return false;
            }
        }
        self.keep(walk.ends(NamedAs::Relation), known);
        lexer.trouble().is_none()
    }

    fn keep(&mut self, met: Option<Met>, known: &TextNames) {
        if let Some(Met { reference, in_from }) = met
            && known.keeps(&reference, in_from)
        {
            self.names.insert(reference);
            self.is_cut |= self.names.len() > MAX_NAMES;
        }
    }
}

/// A name that has ended, and whether it stands where a table is named.
struct Met {
    reference: Reference,
    in_from: bool,
}

/// Words behind which the name of a table, view or procedure stands.
const BEFORE_A_NAME: [&str; 7] = ["call", "copy", "from", "into", "join", "update", "using"];
/// Words that end a list of tables.
const AFTER_A_LIST: [&str; 10] =
    ["except", "group", "having", "intersect", "limit", "order", "select", "set", "union", "where"];

/// Follows tokens and puts names of several parts together.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is about another token behind the name, and they hold in any combination"
)]
#[derive(Debug, Default)]
struct Walk {
    parts: Vec<Box<str>>,
    /// A dot was met: the next word goes on with the name.
    goes_on: bool,
    /// The name began where a table is named.
    began_in_from: bool,
    /// The name began behind CALL.
    is_called: bool,
    in_list: bool,
    expects_name: bool,
    expects_procedure: bool,
}

impl Walk {
    /// Takes a token, and gives the name that ended before it.
    fn meets(&mut self, text: &[u8], token: Token) -> Option<Met> {
        match token.kind {
            TokenKind::Word | TokenKind::Quoted => self.word(text, token),
            TokenKind::Symbol(b'.' | b'@') if !self.parts.is_empty() => {
                self.goes_on = true;
                None
            }
            TokenKind::Symbol(symbol) => {
                let met = self.ends(if symbol == b'(' { NamedAs::Function } else { NamedAs::Relation });
                self.expects_name = self.in_list && matches!(symbol, b',' | b'(');
                met
            }
            _ => self.ends(NamedAs::Relation),
        }
    }

    fn word(&mut self, text: &[u8], token: Token) -> Option<Met> {
        let name = literal::identifier(text, token)?;
        if std::mem::take(&mut self.goes_on) {
            if self.parts.len() < MAX_PARTS {
                self.parts.push(name.into());
            }
            return None;
        }
        let met = self.ends(NamedAs::Relation);
        let is_plain = token.kind == TokenKind::Word;
        if is_plain && is_one_of(name.as_bytes(), &BEFORE_A_NAME) {
            (self.in_list, self.expects_name, self.expects_procedure) = (true, true, name == "call");
        } else if is_plain && is_one_of(name.as_bytes(), &AFTER_A_LIST) {
            (self.in_list, self.expects_name) = (false, false);
        } else {
            self.began_in_from = std::mem::take(&mut self.expects_name);
            self.is_called = std::mem::take(&mut self.expects_procedure);
            self.parts.push(name.into());
        }
        met
    }

    /// The name that ends here, if one does.
    fn ends(&mut self, named_as: NamedAs) -> Option<Met> {
        self.goes_on = false;
        let parts = std::mem::take(&mut self.parts);
        let in_from = std::mem::take(&mut self.began_in_from);
        let is_called = std::mem::take(&mut self.is_called);
        let named_as = match named_as {
            _ if is_called => NamedAs::Procedure,
            // Behind the table of an INSERT stands a list of columns.
            NamedAs::Function if in_from || parts.len() > 1 => NamedAs::Any,
            other => other,
        };
        (!parts.is_empty()).then_some(Met { reference: Reference { parts, named_as }, in_from })
    }
}

#[cfg(test)]
mod tests {
    use super::{Literals, References, TextNames};

    fn names(text: &str, literals: Literals) -> (Vec<String>, bool) {
        let known = TextNames {
            places: Some(["spectrum", "public", "dev", "Mixed"].map(str::to_lowercase).map(Into::into).into()),
            functions: ["exfunc".into()].into(),
        };
        let found = References::of(text, literals, &known);
        let mut names: Vec<_> =
            found.names.iter().map(|one| format!("{} {}", <&str>::from(one.named_as), one.parts.join("."))).collect();
        names.sort();
        (names, found.is_cut)
    }

    #[test]
    fn names_of_views() {
        let rows: &[(&str, &[&str])] = &[
            ("select s.a, count(*) from spectrum.sales s where s.b = 'from v'", &["relation spectrum.sales"]),
            ("SELECT * FROM Dev.Spectrum.\"Sales\" x", &["relation dev.spectrum.Sales"]),
            (
                "select a from v1, (select b from v2) q join v3 on v1.a = q.b",
                &["relation v1", "relation v2", "relation v3"],
            ),
            ("select exfunc(a), upper(b) from t", &["function exfunc", "relation t"]),
            ("select public.f(a) from only_one", &["any public.f", "relation only_one"]),
            ("select spectrum.a from x as spectrum", &["relation spectrum.a", "relation x"]),
            ("with q as (select 1) select * from q -- from spectrum.t", &["relation q"]),
            ("select * from \"Mixed\".t", &["relation Mixed.t"]),
            ("select * from /* a */ spectrum /* b */ . /* c */ t", &["relation spectrum.t"]),
            ("select * from dev@cat.spectrum.t", &["relation dev.cat.spectrum.t"]),
        ];
        for (text, want) in rows {
            assert_eq!(
                names(text, Literals::Data),
                (want.iter().map(|name| (*name).to_owned()).collect(), false),
                "{text}"
            );
        }
    }

    #[test]
    fn procedures_run_their_literals() {
        let text = "begin call public.p(1); call q(2); execute 'insert into spectrum.t (a) select * from v'; end";
        let want =
            ["any spectrum.t", "procedure public.p", "procedure q", "relation a", "relation v"].map(str::to_owned);
        assert_eq!(names(text, Literals::Statements), (want.to_vec(), false));
        assert_eq!(names(text, Literals::Data).0, ["procedure public.p", "procedure q"]);
        let cut = "execute 'select * from \"open' || x";
        assert!(!names(cut, Literals::Statements).1, "a literal may be half a statement");
    }

    #[test]
    fn what_cannot_be_read_to_its_end_says_so() {
        assert!(names("select * from spectrum.t where a = 'x", Literals::Data).1);
        let listed = |name: &str| (0..2_000).map(|number| format!("{name}{number}")).collect::<Vec<_>>().join(", ");
        let many = listed("spectrum.t");
        assert!(names(&format!("select * from {many}, x"), Literals::Data).1);
        let columns = listed("t.c");
        assert!(!names(&format!("select {columns}, 1 from t"), Literals::Data).1, "columns are no names");
    }
}
