//! What a procedure's body says about its variables: which hold numbers, and what texts the others are assigned.

use std::collections::HashMap;

use crate::sql::lexer::{Lexer, Rules, Token, TokenKind};
use crate::sql::literal;
use crate::sql::names;
use crate::sql::signs::holds;
use crate::sql::words::{is_one_of, is_same};

/// Types whose values show as digits and little else, so that they end no literal and begin no clause.
const NUMBERS: [&str; 12] =
    ["bigint", "bool", "boolean", "date", "decimal", "int", "int2", "int4", "int8", "integer", "numeric", "smallint"];

/// Tokens of one statement of a body. A longer one says nothing of any variable, and then nothing is known of them all.
const MAX_TOKENS: usize = 4_096;

/// What is known of a variable.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Variable {
    /// Times that it is declared, as an argument or in DECLARE.
    declared: usize,
    /// Of these, times with a type of numbers.
    numbers: usize,
    /// The expressions that it is assigned, as bytes of the body.
    assigned: Vec<String>,
    /// It is assigned something that the gate does not follow.
    is_open: bool,
}

/// The variables of a body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Variables {
    /// By the keys of their names.
    by_name: HashMap<String, Variable>,
    /// A statement was too long to be looked at, or a name can be read in several ways.
    is_blind: bool,
}

/// What a variable can stand for in an expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Value<'v> {
    /// A number.
    Number,
    /// One of these expressions.
    OneOf(&'v [String]),
    /// Its value cannot be told.
    Anything,
}

impl Variables {
    /// The variables of the body of a procedure, whose arguments stand in parentheses in its header. Nothing is gathered from a body
    /// that executes and calls nothing.
    #[must_use]
    pub fn of(arguments: &[u8], body: &[u8], rules: Rules) -> Self {
        let mut variables = Self::default();
        if holds(body, "execute") || holds(body, "call") {
            variables.arguments(arguments, rules);
            variables.body(body, rules);
        }
        variables
    }

    /// What a name can stand for.
    #[must_use]
    pub fn value(&self, name: &str) -> Value<'_> {
        match self.by_name.get(&names::key(name)).filter(|_| !self.is_blind) {
            Some(variable) if variable.declared > 0 && variable.numbers == variable.declared => Value::Number,
            Some(variable) if variable.declared == 1 && variable.numbers == 0 && !variable.is_open => {
                Value::OneOf(&variable.assigned)
            }
            _ => Value::Anything,
        }
    }

    /// Whether any of the expressions that a name is assigned, as far as they are followed, is such a text.
    #[must_use]
    pub fn is_assigned(&self, name: &str, is_such: impl Fn(&[u8]) -> bool) -> bool {
        let variable = self.by_name.get(&names::key(name));
        variable.is_some_and(|variable| variable.assigned.iter().any(|text| is_such(text.as_bytes())))
    }

    fn variable(&mut self, text: &[u8], token: Token) -> Option<&mut Variable> {
        self.is_blind |= literal::is_unicode_identifier(text, token);
        literal::identifier(text, token).map(|name| self.by_name.entry(names::key(&name)).or_default())
    }

    /// A name with its type, behind which `next` stands: `date.day%type` is no date.
    fn declare(&mut self, text: &[u8], name: Token, (kind, next): (Option<Token>, Option<Token>), is_open: bool) {
        let word = kind.and_then(|kind| text.get(kind.start..kind.end)).unwrap_or_default();
        let goes_on = next.is_some_and(|next| matches!(next.kind, TokenKind::Symbol(b'.' | b'%' | b'[')));
        let is_number = is_one_of(word, &NUMBERS) && !goes_on;
        if let Some(variable) = self.variable(text, name) {
            variable.declared = variable.declared.saturating_add(1);
            variable.numbers = variable.numbers.saturating_add(usize::from(is_number));
            variable.is_open |= is_open;
        }
    }

    /// `(name [IN | OUT | INOUT] type, ...)`: whoever calls says what they hold.
    fn arguments(&mut self, text: &[u8], rules: Rules) {
        let mut words: Vec<Token> = Vec::new();
        for token in Lexer::starting_at(text, 0, rules) {
            let word = text.get(token.start..token.end).unwrap_or_default();
            self.is_blind |= literal::is_unicode_identifier(text, token);
            match token.kind {
                TokenKind::Word if is_one_of(word, &["in", "out", "inout"]) => {}
                TokenKind::Word | TokenKind::Quoted | TokenKind::Symbol(b'.' | b'%' | b'[') => words.push(token),
                TokenKind::Symbol(b',') => {
                    self.argument(text, &words);
                    words.clear();
                }
                _ => {}
            }
        }
        self.argument(text, &words);
    }

    fn argument(&mut self, text: &[u8], words: &[Token]) {
        if let [name, kind, rest @ ..] = words {
            self.declare(text, *name, (Some(*kind), rest.first().copied()), true);
        }
    }

    fn body(&mut self, text: &[u8], rules: Rules) {
        let mut statement: Vec<Token> = Vec::new();
        let mut declares = false;
        for token in Lexer::starting_at(text, 0, rules) {
            let word = text.get(token.start..token.end).unwrap_or_default();
            let is_control =
                token.kind == TokenKind::Word && is_one_of(word, &["begin", "then", "else", "loop", "declare"]);
            if token.kind == TokenKind::Symbol(b';') || is_control {
                self.statement(text, &statement, declares);
                statement.clear();
                if is_control {
                    declares = is_same(word, "declare");
                }
            } else if statement.len() < MAX_TOKENS {
                statement.push(token);
            } else {
                self.is_blind = true;
            }
        }
        self.statement(text, &statement, declares);
    }

    fn statement(&mut self, text: &[u8], tokens: &[Token], declares: bool) {
        let bytes = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
        let is = |token: &Token, word: &str| token.kind == TokenKind::Word && is_same(bytes(token), word);
        let Some((first, rest)) = tokens.split_first() else { return };
        if declares {
            let mut kinds = rest.iter().copied().skip_while(|token| is(token, "constant"));
            let (kind, next) = (kinds.next(), kinds.next());
            self.declare(text, *first, (kind, next), false);
            // What has another name too is assigned where the gate does not see it.
            if kind.is_some_and(|kind| is(&kind, "alias")) || is(first, "rename") {
                self.open(text, tokens);
            }
        }
        let equals = |token: &Token| token.kind == TokenKind::Symbol(b'=');
        let is_plain = match rest {
            [one, ..] if equals(one) => true,
            [colon, one, ..] => colon.kind == TokenKind::Symbol(b':') && equals(one),
            _ => false,
        };
        if !(declares || is_plain) {
            return self.opened(text, tokens);
        }
        // In DECLARE the type stands before the value.
        let Some(place) = rest.iter().position(|token| equals(token) || is(token, "default")) else { return };
        let value = rest.get(place.saturating_add(1)..).unwrap_or_default();
        let span = value.first().zip(value.last()).and_then(|(from, to)| text.get(from.start..to.end));
        let value = String::from_utf8_lossy(span.unwrap_or_default()).into_owned();
        if let Some(variable) = self.variable(text, *first) {
            variable.assigned.push(value);
        }
    }

    /// Names behind INTO, FOR, GET DIAGNOSTICS and in CALL are given what the gate does not follow, as are all of a statement that
    /// assigns in another form.
    fn opened(&mut self, text: &[u8], tokens: &[Token]) {
        let bytes = |token: &Token| text.get(token.start..token.end).unwrap_or_default();
        let assigns = tokens
            .windows(2)
            .any(|pair| pair.iter().map(|token| token.kind).eq([TokenKind::Symbol(b':'), TokenKind::Symbol(b'=')]));
        let opens = |token: &Token| {
            token.kind == TokenKind::Word
                && is_one_of(bytes(token), &["into", "for", "foreach", "diagnostics", "call", "fetch"])
        };
        let Some(place) = tokens.iter().position(opens).or(assigns.then_some(0)) else { return };
        self.open(text, tokens.get(if assigns { 0 } else { place }..).unwrap_or_default());
    }

    /// Whatever these tokens name may be given anything.
    fn open(&mut self, text: &[u8], tokens: &[Token]) {
        for token in tokens {
            if let Some(variable) = self.variable(text, *token) {
                variable.is_open = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_TOKENS, Value, Variables};
    use crate::sql::lexer::{Escapes, Rules};

    #[test]
    fn variables_hold_what_they_are_given() {
        let body = b"declare a varchar(20) := 'x'; n int; r record; t text; u text default 'y'; v text; w text; o text;
            begin t = 'a' || quote_ident(a); t := 'b'; select 1 into v; for r in select 1 loop null; end loop; call p(w);
            <<x>> o[1] := 'x'; execute t; end";
        let variables = Variables::of(b"(arg varchar(20), size inout int)", body, Rules::with_escapes(Escapes::Always));
        assert_eq!(variables.value("n"), Value::Number);
        assert_eq!(variables.value("size"), Value::Number);
        assert_eq!(variables.value("a"), Value::OneOf(&["'x'".to_owned()]));
        assert_eq!(variables.value("t"), Value::OneOf(&["'a' || quote_ident(a)".to_owned(), "'b'".to_owned()]));
        assert_eq!(variables.value("u"), Value::OneOf(&["'y'".to_owned()]));
        for open in ["arg", "v", "w", "r", "o", "unknown"] {
            assert_eq!(variables.value(open), Value::Anything, "{open}");
        }
    }

    #[test]
    fn other_names_and_types_of_columns_say_nothing() {
        let body =
            b"declare a text := 'x'; b alias for a; c text := 'x'; d text; rename d to c; n date.day%type; m int[];
            k int; begin b := arg; execute a; end";
        let variables = Variables::of(b"(arg text, i bool.x%type, j date)", body, Rules::with_escapes(Escapes::Always));
        for open in ["a", "b", "c", "d", "n", "m", "i"] {
            assert!(!matches!(variables.value(open), Value::Number), "{open}");
        }
        for open in ["a", "b", "c", "d", "i"] {
            assert_eq!(variables.value(open), Value::Anything, "{open}");
        }
        assert_eq!((variables.value("k"), variables.value("j")), (Value::Number, Value::Number));
    }

    /// (arguments, body): `n` is given what the gate does not follow, under another spelling of its name.
    #[test]
    fn other_spellings_are_the_same_variable() {
        let rules = Rules::with_escapes(Escapes::Always);
        for (arguments, body) in [
            ("a text", "declare n text := 'x'; begin \"N\" := a; execute n; end"),
            ("a text", "declare n text := 'x'; begin select a into \"N\"; execute n; end"),
            ("a text", "declare n text := 'x'; begin for \"N\" in select a loop execute n; end loop; end"),
            ("a text", "declare n text := 'x'; \"N\" text := a; begin execute n; end"),
            ("n int", "declare \"N\" text := 'copy'; begin execute n; end"),
            ("\"N\" text", "declare n text := 'x'; begin execute n; end"),
            ("a text", "declare n text := 'x'; begin U&\"\\006e\" := a; execute n; end"),
        ] {
            let variables = Variables::of(arguments.as_bytes(), body.as_bytes(), rules);
            let is_followed = matches!(variables.value("n"), Value::OneOf([_]) | Value::Number);
            assert!(!is_followed, "{arguments} {body}");
        }
        for bytes in [59, 60, 61, 63, 64, 127, 128] {
            let (short, long) = ("n".repeat(bytes), "n".repeat(bytes) + "y");
            let body = format!("declare {short} text := 'x'; begin select a into {long}; execute {short}; end");
            let variables = Variables::of(b"a text", body.as_bytes(), rules);
            assert_eq!(variables.value(&short) == Value::Anything, bytes >= 60, "{bytes}");
        }
    }

    #[test]
    fn a_statement_too_long_blinds() {
        for terms in [2_046, 2_047, 2_048] {
            let body = format!("declare t text; begin t := 'a'; select 1{}; execute t; end", " + 1".repeat(terms));
            let variables = Variables::of(b"", body.as_bytes(), Rules::with_escapes(Escapes::Always));
            assert_eq!(variables.value("t") != Value::Anything, terms * 2 + 2 <= MAX_TOKENS, "{terms}");
        }
    }
}
