//! A message that may carry credentials: split into statements, each read by its grammar.

use std::ops::Range;

use crate::sql::carriers;
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::draft::Draft;
use crate::sql::grants;
use crate::sql::lexer::{Escapes, Lexer, Token, TokenKind, Trouble};
use crate::sql::literal;
use crate::sql::model::{Dialect, FaultKind, Statement, StatementKind};
use crate::sql::procedures;
use crate::sql::settings;
use crate::sql::words::{Verb, holds_credential_word, is_credential, verb};

/// Tokens of one statement that the grammar looks at. The longest documented carrier, a COPY with a column list of 1,600
/// names, has fewer than a tenth of it.
const MAX_TOKENS: usize = 65_536;

/// Statements with credentials in one message.
const MAX_STATEMENTS: usize = 1_000;

/// First words of a statement that say what it is.
const HEAD_WORDS: usize = 6;

/// What a text is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// A message, or a string that is executed.
    Message,
    /// The body of a procedure: control words stand between the statements.
    Body,
}

/// How a text is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Context {
    /// The backend.
    pub dialect: Dialect,
    /// Its quotes.
    pub escapes: Escapes,
    /// What the text is.
    pub place: Place,
    /// Texts around this one.
    pub depth: u8,
}

/// The statements of `text` that are to be judged.
#[must_use]
pub fn analyse(text: &[u8], context: Context) -> Vec<Statement> {
    let mut lexer = Lexer::new(text, context.escapes);
    let mut message = Message { text, context, found: Vec::new(), stray: None, named: false };
    let mut gathered = Gathered::default();
    for token in lexer.by_ref() {
        let splits = token.kind == TokenKind::Symbol(b';') || (context.place == Place::Body && is_control(text, token));
        if splits {
            message.statement(&gathered);
            gathered.clear();
            if message.found.len() >= MAX_STATEMENTS {
                let detail = format!("more than {MAX_STATEMENTS} statements with credentials in one message");
                message.unreadable(token.start..token.end, detail);
                return message.found;
            }
        } else {
            gathered.add(text, token);
        }
    }
    match lexer.trouble() {
        None => message.statement(&gathered),
        Some((trouble, at)) => {
            message.named |= gathered.named;
            message.trouble(trouble, at);
        }
    }
    message.whole(lexer.nested_comment());
    message.found
}

/// Words of PL/pgSQL before which a statement ends and after which one begins.
fn is_control(text: &[u8], token: Token) -> bool {
    let word = text.get(token.start..token.end).unwrap_or_default();
    token.kind == TokenKind::Word
        && ["begin", "then", "else", "loop", "declare"]
            .iter()
            .any(|control| word.eq_ignore_ascii_case(control.as_bytes()))
}

/// The tokens of one statement. Bounded, however long the statement is.
#[derive(Debug, Default)]
struct Gathered {
    tokens: Vec<Token>,
    is_cut: bool,
    end: usize,
    /// A credential word stands in it.
    named: bool,
    /// A credential word with a value behind it.
    valued: Option<Range<usize>>,
    /// A credential word with `=`, TO or AS and a value behind it.
    assigned: Option<Range<usize>>,
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

impl Gathered {
    fn clear(&mut self) {
        self.tokens.clear();
        *self = Self { tokens: std::mem::take(&mut self.tokens), ..Self::default() };
    }

    fn add(&mut self, text: &[u8], token: Token) {
        if self.tokens.len() < MAX_TOKENS {
            self.tokens.push(token);
        } else {
            self.is_cut = true;
        }
        self.end = token.end;
        let bytes = text.get(token.start..token.end).unwrap_or_default();
        let name = match token.kind {
            TokenKind::Word => bytes,
            TokenKind::Quoted => literal::inside(bytes),
            _ => &[],
        };
        // To the server a blank beyond ASCII is a letter; whoever wrote it next to a credential word did not mean that.
        self.named |= !name.is_ascii() && holds_credential_word(name);
        let is = |word: &str| token.kind == TokenKind::Word && bytes.eq_ignore_ascii_case(word.as_bytes());
        let place = token.start..token.end;
        let state = std::mem::take(&mut self.state);
        self.state = match state {
            _ if is_credential(name) => {
                self.named = true;
                let is_name = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
                Pending::Word {
                    place,
                    takes_default: is_name("iam_role") || is_name("catalog_role"),
                    takes_as: is_name("credentials"),
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

    fn span(&self) -> Range<usize> {
        self.tokens.first().map_or(self.end, |token| token.start)..self.end
    }
}

/// A message that is being read.
#[derive(Debug)]
struct Message<'t> {
    text: &'t [u8],
    context: Context,
    found: Vec<Statement>,
    /// A statement that the server will not know.
    stray: Option<Range<usize>>,
    named: bool,
}

impl Message<'_> {
    fn statement(&mut self, gathered: &Gathered) {
        if gathered.tokens.is_empty() {
            return;
        }
        self.named |= gathered.named;
        let mut draft = Draft::new(StatementKind::Unknown, gathered.span());
        settings::parameters(&gathered.tokens, self.text, &mut draft);
        if gathered.is_cut && self.is_carrier(gathered) {
            let detail = format!("the statement has more than {MAX_TOKENS} words and symbols");
            draft.fault(FaultKind::Unreadable, gathered.span(), detail);
        } else if let Err(misfit) = self.read(gathered, &mut draft)
            && (gathered.named || draft.has_uses())
        {
            // Without a word of credentials the server's own grammar has nothing to run with a role.
            draft.misfit(misfit);
        }
        self.found.extend(draft.finish());
    }

    fn is_carrier(&self, gathered: &Gathered) -> bool {
        gathered.named && !matches!(verb(&words(self.text, &gathered.tokens)), Verb::Naming)
    }

    fn read(&mut self, gathered: &Gathered, draft: &mut Draft) -> Result<(), Misfit> {
        let tokens = gathered.tokens.as_slice();
        let words = words(self.text, tokens);
        let first = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        match first.as_slice() {
            b"copy" => {
                draft.is(StatementKind::Copy);
                return carriers::copy(&mut Cursor::new(self.text, tokens), self.context.dialect, draft)
                    .map(|()| draft.check_methods());
            }
            b"unload" => {
                draft.is(StatementKind::Unload);
                return carriers::unload(&mut Cursor::new(self.text, tokens), draft).map(|()| draft.check_methods());
            }
            b"grant" | b"revoke" if gathered.named => return grants::grant(&mut Cursor::new(self.text, tokens), draft),
            b"create" | b"alter" => {
                let mut cursor = Cursor::new(self.text, tokens);
                match carriers::object(&mut cursor) {
                    Some(StatementKind::CreateProcedure) => {
                        draft.is(StatementKind::CreateProcedure);
                        return procedures::create(&mut cursor, self.context, draft);
                    }
                    Some(kind) => {
                        draft.is(kind);
                        // Only CREATE LIBRARY means something without a word of credentials.
                        if gathered.named || kind == StatementKind::CreateLibrary {
                            return carriers::create(&mut cursor, kind, draft).map(|()| draft.check_methods());
                        }
                        return Ok(());
                    }
                    None => {}
                }
            }
            b"call" => {
                draft.is(StatementKind::Call);
                procedures::call(&mut Cursor::new(self.text, tokens), draft);
            }
            b"set" | b"reset" | b"discard" => {
                draft.is(StatementKind::Set);
                settings::session(&mut Cursor::new(self.text, tokens), self.text, draft);
            }
            b"do" if self.context.place == Place::Message => {
                return procedures::anonymous(&mut Cursor::new(self.text, tokens), self.context, draft);
            }
            _ => {}
        }
        if self.context.place == Place::Body {
            procedures::executes(tokens, self.text, self.context, draft);
        }
        self.other(gathered, &words)
    }

    /// A statement that is no carrier: credential words in it must be names.
    fn other(&mut self, gathered: &Gathered, words: &[&[u8]]) -> Result<(), Misfit> {
        let refuse = |span: &Range<usize>| {
            Err(Misfit {
                span: span.clone(),
                detail: "the gate knows no statement that carries credentials here".to_owned(),
            })
        };
        let verb = if self.context.place == Place::Body { Verb::Naming } else { verb(words) };
        if verb == Verb::Unknown {
            self.stray.get_or_insert(gathered.span());
            if gathered.named {
                return refuse(&gathered.span());
            }
        }
        match (verb, &gathered.valued, &gathered.assigned) {
            (_, Some(span), _) | (Verb::Known, None, Some(span)) => refuse(span),
            _ => Ok(()),
        }
    }

    fn unreadable(&mut self, span: Range<usize>, detail: String) {
        let mut draft = Draft::new(StatementKind::Unknown, span.clone());
        draft.fault(FaultKind::Unreadable, span, detail);
        self.found.extend(draft.finish());
    }

    /// The tokens ended before the text did. What follows could be anything.
    fn trouble(&mut self, trouble: Trouble, at: usize) {
        let rest = self.text.get(at..).unwrap_or_default();
        let matters = trouble == Trouble::Nul || self.named || !self.found.is_empty() || holds_credential_word(rest);
        if matters {
            self.unreadable(at..self.text.len(), trouble.as_str().to_owned());
        }
    }

    /// What concerns the text as a whole.
    fn whole(&mut self, nested_comment: Option<usize>) {
        if let (Some(at), Place::Body) = (nested_comment, self.context.place) {
            let detail = "a comment within a comment ends elsewhere in PL/pgSQL than in SQL";
            self.unreadable(at..at.saturating_add(2), detail.to_owned());
        }
        let carries = self.named || self.found.iter().any(|statement| !statement.role_uses.is_empty());
        if !carries {
            return;
        }
        if let Some(stray) = self.stray.take()
            && !self.found.iter().any(|statement| statement.span == stray)
        {
            // The server parses a message as a whole, so it would refuse all of it; a word that only the gate does not
            // know must not hide what follows it.
            self.unreadable(
                stray,
                "the message carries credentials, and the gate does not know this statement in it".to_owned(),
            );
        }
        if let Err(error) = std::str::from_utf8(self.text) {
            let at = error.valid_up_to();
            self.unreadable(at..at.saturating_add(1), "the text is not valid UTF-8".to_owned());
        }
    }
}

/// The words at the head of a statement.
fn words<'t>(text: &'t [u8], tokens: &[Token]) -> Vec<&'t [u8]> {
    let head = tokens.iter().take(HEAD_WORDS).take_while(|token| token.kind == TokenKind::Word);
    head.filter_map(|token| text.get(token.start..token.end)).collect()
}
