//! SET, RESET, DISCARD and what else changes the session: its user and its client encoding.

use crate::sql::cursor::Cursor;
use crate::sql::draft::Draft;
use crate::sql::encoding::is_unsafe_encoding;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::{Effect, FaultKind};
use crate::sql::words::{self, Setting};

/// `SET [SESSION | LOCAL] SESSION AUTHORIZATION user`, `RESET SESSION AUTHORIZATION`, `DISCARD ALL`, `SET NAMES`.
pub fn session(cursor: &mut Cursor<'_>, text: &[u8], draft: &mut Draft) {
    if cursor.accept(&["discard", "all"]) || cursor.accept(&["reset", "session", "authorization"]) {
        return draft.effect(Effect::ResetSessionAuthorization);
    }
    if !cursor.accept(&["set"]) {
        return;
    }
    let _scope = cursor.accept(&["local"]) || (cursor.sees(1, "session") && cursor.accept(&["session"]));
    if cursor.accept(&["session", "authorization"]) {
        let effect = if cursor.sees(0, "default") {
            Effect::ResetSessionAuthorization
        } else {
            Effect::SetSessionAuthorization(cursor.take().and_then(|token| value(text, token)).unwrap_or_default())
        };
        return draft.effect(effect);
    }
    cursor.accept(&["session"]);
    if cursor.accept(&["names"])
        && let Some(token) = cursor.take()
    {
        encoding(text, token, draft);
    }
}

/// `client_encoding` and `session_authorization` with a value, `set_config` of them, and an UPDATE of the view over all settings,
/// wherever they stand: the name, quoted or not, is enough for the server.
pub fn parameters(tokens: &[Token], text: &[u8], draft: &mut Draft) {
    let mut updates = false;
    for (place, token) in tokens.iter().enumerate() {
        let mut after = tokens.iter().skip(place.saturating_add(1)).copied().peekable();
        if after.next_if(|next| is_word(text, next, "uescape")).is_some() {
            after.next();
        }
        let mut assigned = || {
            let assigns = |next: &Token| is_word(text, next, "to") || next.kind == TokenKind::Symbol(b'=');
            after.next_if(assigns).and_then(|_assigns| after.next())
        };
        updates |= is_word(text, token, "update");
        match setting(text, tokens, place) {
            Some(Setting::Encoding) => {
                if let Some(value) = assigned() {
                    encoding(text, value, draft);
                }
            }
            Some(Setting::User) => {
                if let Some(user) = assigned().and_then(|token| value(text, token)) {
                    draft.effect(Effect::SetSessionAuthorization(user));
                }
            }
            Some(Setting::Call) if after.next().is_some_and(|next| next.kind == TokenKind::Symbol(b'(')) => {
                let (name, comma, value) = (after.next(), after.next(), after.next());
                let is_whole = comma.is_some_and(|comma| comma.kind == TokenKind::Symbol(b','));
                set_config(text, name, is_whole, value, draft);
            }
            Some(Setting::View) if updates => {
                draft.fault(FaultKind::Encoding, span(*token), "an UPDATE of pg_settings could set it".to_owned());
            }
            _ => {}
        }
    }
}

fn setting(text: &[u8], tokens: &[Token], place: usize) -> Option<Setting> {
    let (token, after) = tokens.get(place..)?.split_first()?;
    let bytes = text.get(token.start..token.end)?;
    match token.kind {
        TokenKind::Word => words::setting(bytes),
        TokenKind::Quoted if literal::is_unicode_identifier(text, *token) => {
            words::setting(&literal::unicode_identifier(text, *token, after))
        }
        TokenKind::Quoted => words::setting(literal::inside(bytes)),
        _ => None,
    }
}

fn is_word(text: &[u8], token: &Token, word: &str) -> bool {
    token.kind == TokenKind::Word
        && text.get(token.start..token.end).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
}

/// `set_config(name, value, is_local)`. A name that is no literal could be any setting's.
fn set_config(text: &[u8], name: Option<Token>, is_whole: bool, new_value: Option<Token>, draft: &mut Draft) {
    let Some(name_token) = name else { return };
    let name = literal::decode(text, name_token).filter(|_| is_whole);
    match name.map(|name| name.bytes.to_ascii_lowercase()).as_deref() {
        Some(b"client_encoding") => match new_value {
            Some(token) if token.kind.is_literal() => encoding(text, token, draft),
            _ => draft.fault(FaultKind::Encoding, span(name_token), "the encoding is computed".to_owned()),
        },
        Some(b"session_authorization") => match new_value.and_then(|token| literal::decode(text, token)) {
            Some(user) => draft.effect(Effect::SetSessionAuthorization(user.to_text())),
            None => draft.fault(FaultKind::Unreadable, span(name_token), "the session's user is computed".to_owned()),
        },
        Some(_) => {}
        None => draft.fault(
            FaultKind::Encoding,
            span(name_token),
            "set_config of a computed name could be client_encoding".to_owned(),
        ),
    }
}

fn encoding(text: &[u8], token: Token, draft: &mut Draft) {
    if value(text, token).is_some_and(|name| is_unsafe_encoding(&name)) {
        draft.fault(FaultKind::Encoding, span(token), String::new());
    }
}

fn value(text: &[u8], token: Token) -> Option<String> {
    literal::decode(text, token).map(|literal| literal.to_text()).or_else(|| literal::identifier(text, token))
}

fn span(token: Token) -> std::ops::Range<usize> {
    token.start..token.end
}
