//! What one pass over the tokens of a statement remembers of it, in bounded memory: enough to say which grammar reads it.

use std::ops::Range;

use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;
use crate::sql::signs::{holds_credential_word, names_role};
use crate::sql::words::{is_credential, is_same, quoted_matters, setting};

/// First words of a statement that say what it is.
const HEAD_WORDS: usize = 6;

/// A statement in outline.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what was met in one pass, each on its own")]
pub struct Outline {
    start: Option<usize>,
    end: usize,
    head: [(usize, usize); HEAD_WORDS],
    head_words: usize,
    is_past_head: bool,
    /// The statement begins with `(`; the words of its head are those behind.
    pub is_in_parentheses: bool,
    /// A credential word stands in it.
    pub named: bool,
    /// A literal in it names a role.
    pub names_role: bool,
    /// A name stands in it that can change the session.
    pub sets: bool,
    /// The word EXECUTE stands in it.
    pub executes: bool,
    /// Where the word ASSUMEROLE stands.
    pub assumerole: Option<Range<usize>>,
    /// A credential word with a value behind it.
    pub valued: Option<Range<usize>>,
    /// A credential word with `=`, TO or AS and a value behind it.
    pub assigned: Option<Range<usize>>,
    state: Pending,
}

/// What the tokens before may be the beginning of.
#[derive(Clone, Debug, Default)]
enum Pending {
    #[default]
    Nothing,
    Word {
        place: Range<usize>,
        takes_default: bool,
        takes_as: bool,
    },
    Assigned {
        place: Range<usize>,
        counts_as_value: bool,
    },
}

impl Outline {
    /// The bytes of the statement; `None`: it has no token.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.start.map(|start| start..self.end)
    }

    /// The words at the head of the statement, which is one of `text`.
    #[must_use]
    pub fn words<'t>(&self, text: &'t [u8]) -> Vec<&'t [u8]> {
        self.head.iter().take(self.head_words).filter_map(|(start, end)| text.get(*start..*end)).collect()
    }

    /// The next token of the statement.
    pub fn add(&mut self, text: &[u8], token: Token) {
        let is_first = self.start.is_none();
        self.start.get_or_insert(token.start);
        self.end = token.end;
        self.add_to_head(token, is_first);
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        let name = match token.kind {
            TokenKind::Word => bytes,
            TokenKind::Quoted => literal::inside(bytes),
            _ => &[],
        };
        if token.kind.is_literal() {
            self.names_role = self.names_role || literal::decode(text, token).is_some_and(|it| names_role(&it.bytes));
        }
        // To the server a blank beyond ASCII is a letter; whoever wrote it next to a credential word did not mean that.
        self.named |= !name.is_ascii() && holds_credential_word(name);
        self.sets |= (quoted_matters(name) && setting(name).is_some()) || literal::is_unicode_identifier(text, token);
        self.pend(token, bytes, name);
    }

    fn add_to_head(&mut self, token: Token, is_first: bool) {
        let opens = token.kind == TokenKind::Symbol(b'(') && self.head_words == 0;
        if opens && (is_first || self.is_in_parentheses) {
            self.is_in_parentheses = true;
        } else if token.kind != TokenKind::Word {
            self.is_past_head = true;
        } else if let (Some(slot), false) = (self.head.get_mut(self.head_words), self.is_past_head) {
            *slot = (token.start, token.end);
            self.head_words = self.head_words.saturating_add(1);
        }
    }

    fn pend(&mut self, token: Token, bytes: &[u8], name: &[u8]) {
        let is = |word: &str| token.kind == TokenKind::Word && is_same(bytes, word);
        let place = token.start..token.end;
        self.executes |= is("execute");
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            _ if is_credential(name) => {
                self.named = true;
                if is("assumerole") {
                    self.assumerole.get_or_insert(place.clone());
                }
                Pending::Word {
                    place,
                    takes_default: is_same(name, "iam_role") || is_same(name, "catalog_role"),
                    takes_as: is_same(name, "credentials"),
                }
            }
            Pending::Word { place, takes_default, .. }
                if token.kind.is_literal() || (takes_default && is("default")) =>
            {
                self.valued.get_or_insert(place);
                Pending::Nothing
            }
            Pending::Word { place, takes_as, .. } if is("as") || is("to") || token.kind == TokenKind::Symbol(b'=') => {
                Pending::Assigned { place, counts_as_value: takes_as && is("as") }
            }
            Pending::Assigned { place, counts_as_value } if token.kind.is_literal() => {
                let slot = if counts_as_value { &mut self.valued } else { &mut self.assigned };
                slot.get_or_insert(place);
                Pending::Nothing
            }
            _ => Pending::Nothing,
        };
    }
}
