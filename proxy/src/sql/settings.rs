//! SET, RESET, DISCARD and what else changes the session: its user and its client encoding.

use crate::sql::cursor::Cursor;
use crate::sql::encoding::is_unsafe_encoding;
use crate::sql::fault::FaultKind;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::Effect;
use crate::sql::quoting::{list_moves_catalog, moves_catalog};
use crate::sql::statement::StatementBuilder;
use crate::sql::vocabulary::Setting;
use crate::sql::watch::ParameterUse;
use crate::sql::words;

/// `SET [SESSION | LOCAL] SESSION AUTHORIZATION user`, `RESET SESSION AUTHORIZATION`, `DISCARD ALL`, `SET NAMES`.
pub fn session(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) {
    if cursor.accept(&["discard", "all"]) || cursor.accept(&["reset", "session", "authorization"]) {
        return builder.add_effect(Effect::ResetSessionAuthorization);
    }
    if !cursor.accept(&["set"]) {
        return;
    }
    let _scope = cursor.accept(&["local"]) || (cursor.sees_next("session") && cursor.accept(&["session"]));
    if cursor.accept(&["session", "authorization"]) {
        return match taken(cursor) {
            Some(token) if !cursor.is_word(token, "default") => user(cursor, token, builder),
            _ => builder.add_effect(Effect::ResetSessionAuthorization),
        };
    }
    cursor.accept(&["session"]);
    if cursor.accept(&["names"])
        && let Some(token) = taken(cursor)
    {
        encoding(cursor, token, builder);
    }
}

/// `client_encoding` and `session_authorization` with a value, `set_config` of them, and an UPDATE of the view over all settings,
/// wherever they stand: the name, quoted or not, is enough for the server.
pub fn parameters(cursor: &Cursor<'_>, builder: &mut StatementBuilder) {
    let start = cursor;
    let mut cursor = cursor.clone();
    let (mut updates, mut depth, mut settled) = (false, 0_usize, None);
    while let Some(token) = cursor.take() {
        updates |= cursor.is_word(token, "update");
        match token.kind {
            TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
            TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        let Some(setting) = setting(&cursor, token) else { continue };
        let mut after = cursor.clone();
        if after.accept(&["uescape"]) {
            after.take();
        }
        let mut is_settled = || depth == 0 && *settled.get_or_insert_with(|| names_are_settled(start));
        match setting {
            Setting::Encoding => {
                if let Some(value) = assigned(&mut after) {
                    encoding(&after, value, builder);
                }
            }
            Setting::User => {
                if let Some(token) = assigned(&mut after) {
                    user(&after, token, builder);
                }
            }
            Setting::SearchPath => {
                if (after.symbol(b'=') || after.accept(&["to"])) && list_moves_catalog(&mut after) {
                    builder.add_effect(Effect::MovesCatalog);
                }
            }
            Setting::Call if after.symbol(b'(') => set_config(&mut after, is_settled, builder),
            Setting::View if updates => {
                builder.add_effect(Effect::MovesCatalog);
                if !is_settled() {
                    let detail = "an UPDATE of pg_settings could set it".to_owned();
                    builder.add_fault(FaultKind::ComputedSetting, span(token), detail);
                }
            }
            Setting::Call | Setting::View => {}
        }
    }
}

/// The setting that a token, which was just taken, names.
fn setting(cursor: &Cursor<'_>, token: Token) -> Option<Setting> {
    let bytes = cursor.bytes(token);
    match token.kind {
        TokenKind::Word => words::setting(bytes),
        TokenKind::Quoted if literal::is_unicode_identifier(cursor.text(), token) => {
            let mut after = cursor.clone();
            let named = if after.accept(&["uescape"]) { after.literal() } else { None };
            let escape = named.and_then(|(_, escape)| escape.bytes.first().copied()).unwrap_or(b'\\');
            words::setting(&literal::unicode_identifier(cursor.text(), token, escape))
        }
        TokenKind::Quoted => words::setting(literal::inside(bytes)),
        _ => None,
    }
}

/// The value behind `=` or TO.
fn assigned(cursor: &mut Cursor<'_>) -> Option<Token> {
    if cursor.symbol(b'=') || cursor.accept(&["to"]) { taken(cursor) } else { None }
}

/// The value that stands here; the letter of `E'...'` is none.
fn taken(cursor: &mut Cursor<'_>) -> Option<Token> {
    let token = cursor.take()?;
    if token.kind == TokenKind::Word && cursor.sees_literal() { cursor.take() } else { Some(token) }
}

/// Whether the value that was just taken may be spelled otherwise on another release of the server: `\\x`, `U&'...'`.
fn may_be_another(cursor: &Cursor<'_>, token: Token) -> bool {
    let text = cursor.text();
    literal::is_doubtful(text, token) || literal::is_unicode_identifier(text, token) || cursor.sees_symbol(b'&')
}

/// What an argument of `set_config` is.
enum Argument {
    /// A string constant alone.
    Constant(Token),
    /// An expression that starts with a string constant.
    Starts(Token),
    /// A parameter alone, cast or not.
    Parameter,
    /// The column `name`.
    Name,
    Other,
}

/// Tokens of an argument of `set_config`. What is longer is taken for computed, so that calls within calls are read in linear time.
pub const MAX_ARGUMENT_TOKENS: usize = 256;

/// Takes an argument up to its comma or closing parenthesis; `None`: none ends here.
fn argument(cursor: &mut Cursor<'_>) -> Option<(Argument, Token)> {
    let first = cursor.peek()?;
    let mut argument = match first.kind {
        kind if kind.is_literal() && literal::is_doubtful(cursor.text(), first) => Argument::Other,
        kind if kind.is_literal() => Argument::Constant(first),
        TokenKind::Parameter => Argument::Parameter,
        TokenKind::Word if cursor.is_word(first, "name") => Argument::Name,
        _ => Argument::Other,
    };
    let (mut depth, mut count, mut is_cast) = (0_usize, 0_usize, true);
    while let Some(token) = cursor.peek() {
        match token.kind {
            TokenKind::Symbol(b',' | b')') if depth == 0 => break,
            TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
            TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
            TokenKind::Symbol(b':') | TokenKind::Word => {}
            _ => is_cast &= count == 0,
        }
        count = count.saturating_add(1);
        if count > MAX_ARGUMENT_TOKENS {
            return Some((Argument::Other, first));
        }
        cursor.take();
    }
    argument = match argument {
        Argument::Constant(token) if count > 1 => Argument::Starts(token),
        Argument::Parameter if count > 1 && !is_cast => Argument::Other,
        Argument::Name if count > 1 => Argument::Other,
        argument => argument,
    };
    Some((argument, first))
}

/// `set_config(name, value, is_local)`, behind the parenthesis that opens. A name that is computed could be any setting's.
fn set_config(cursor: &mut Cursor<'_>, is_settled: impl FnOnce() -> bool, builder: &mut StatementBuilder) {
    let Some((name, place)) = argument(cursor) else { return };
    cursor.symbol(b',');
    let value_argument = argument(cursor).map(|(value, _)| value);
    let written = |token| literal::decode(cursor.text(), token).map(|literal| literal.bytes.into_owned());
    let text = |token| written(token).map(|text| text.to_ascii_lowercase());
    if may_move_catalog(&name, value_argument.as_ref(), written) {
        builder.add_effect(Effect::MovesCatalog);
    }
    let computed = |detail: &str, builder: &mut StatementBuilder| {
        builder.add_fault(FaultKind::ComputedSetting, span(place), detail.to_owned());
    };
    match name {
        Argument::Constant(token) => match text(token).as_deref() {
            Some(b"client_encoding") => match value_argument {
                Some(Argument::Constant(value)) => encoding(cursor, value, builder),
                Some(Argument::Parameter) => builder.watch().add(ParameterUse::Encoding),
                _ => computed("the encoding is computed", builder),
            },
            Some(b"session_authorization") => match value_argument {
                Some(Argument::Constant(user)) => {
                    add_user(value(cursor, user).unwrap_or_default(), builder);
                }
                _ => builder.add_fault(FaultKind::Unreadable, span(place), "the session's user is computed".to_owned()),
            },
            _ => {}
        },
        Argument::Parameter => match value_argument {
            Some(Argument::Constant(value)) => {
                encoding(cursor, value, builder);
                builder.watch().add(ParameterUse::SettingName);
            }
            Some(Argument::Parameter) => builder.watch().add(ParameterUse::SettingName),
            _ => builder.watch().add(ParameterUse::ComputedSetting),
        },
        Argument::Starts(token) if text(token).is_some_and(|start| leads_elsewhere(&start)) => {}
        Argument::Name if is_settled() => {}
        Argument::Starts(_) | Argument::Name | Argument::Other => {
            computed("set_config of a computed name could set client_encoding", builder);
        }
    }
}

/// Whether `set_config` with these arguments can put a schema before `pg_catalog`.
fn may_move_catalog(name: &Argument, value: Option<&Argument>, written: impl Fn(Token) -> Option<Vec<u8>>) -> bool {
    const NAME: &[u8] = b"search_path";
    let may_be_it = match name {
        Argument::Constant(name) => written(*name).is_some_and(|name| name.eq_ignore_ascii_case(NAME)),
        Argument::Starts(name) => written(*name).is_some_and(|start| NAME.starts_with(&start.to_ascii_lowercase())),
        Argument::Parameter | Argument::Name | Argument::Other => true,
    };
    let moves = match value {
        Some(Argument::Constant(value)) => written(*value).is_some_and(|value| moves_catalog(&value)),
        _ => true,
    };
    may_be_it && moves
}

/// Whether no setting that matters begins so.
fn leads_elsewhere(start: &[u8]) -> bool {
    !["client_encoding", "session_authorization"].iter().any(|name| name.as_bytes().starts_with(start))
}

/// Whether the statement's own WHERE says which settings its column `name` can be, and none of them matters:
/// `... where name = 'x'`, or IN a list, and nothing beside it that could add rows.
fn names_are_settled(start: &Cursor<'_>) -> bool {
    let mut cursor = start.clone();
    let mut depth = 0_usize;
    let mut is_settled = false;
    let widens = ["or", "union", "intersect", "except", "minus", "not"];
    while let Some(token) = cursor.take() {
        match token.kind {
            TokenKind::Symbol(b'(') => depth = depth.saturating_add(1),
            TokenKind::Symbol(b')') => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && widens.iter().any(|word| cursor.is_word(token, word)) => return false,
            TokenKind::Word if depth == 0 && (cursor.is_word(token, "where") || cursor.is_word(token, "and")) => {
                is_settled |= settles(&mut cursor);
            }
            _ => {}
        }
    }
    is_settled
}

/// `name = 'x'` or `name IN ('x', ...)`, none of them a setting that matters.
fn settles(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = cursor.clone();
    if !ahead.accept(&["name"]) {
        return false;
    }
    let is_list = !ahead.symbol(b'=');
    if is_list && !(ahead.accept(&["in"]) && ahead.symbol(b'(')) {
        return false;
    }
    loop {
        let Some((_, literal)) = ahead.literal() else { return false };
        let is_other = matches!(words::setting(&literal.bytes), None | Some(Setting::SearchPath));
        if literal.escaped || !is_other {
            return false;
        }
        if !(is_list && ahead.symbol(b',')) {
            break;
        }
    }
    if is_list && !ahead.symbol(b')') {
        return false;
    }
    *cursor = ahead;
    // Behind the value: the end, or another condition.
    let ends = ["and", "order", "limit", "group"];
    cursor.peek().is_none() || ends.iter().any(|word| cursor.sees(word))
}

/// Acts as the user that a token names.
fn user(cursor: &Cursor<'_>, token: Token, builder: &mut StatementBuilder) {
    if may_be_another(cursor, token) {
        let detail = "the session's user holds an escape that can be read in two ways".to_owned();
        return builder.add_fault(FaultKind::Unreadable, span(token), detail);
    }
    add_user(value(cursor, token).unwrap_or_default(), builder);
}

/// A name in quotes is one user's where case counts, and another's where it does not: the session may act as either.
fn add_user(name: String, builder: &mut StatementBuilder) {
    let folded = name.to_lowercase();
    if folded != name {
        builder.add_effect(Effect::SetSessionAuthorization(folded));
    }
    builder.add_effect(Effect::SetSessionAuthorization(name));
}

fn encoding(cursor: &Cursor<'_>, token: Token, builder: &mut StatementBuilder) {
    if may_be_another(cursor, token) || value(cursor, token).is_some_and(|name| is_unsafe_encoding(&name)) {
        builder.add_fault(FaultKind::Encoding, span(token), String::new());
    } else if token.kind == TokenKind::Parameter {
        builder.watch().add(ParameterUse::Encoding);
    }
}

fn value(cursor: &Cursor<'_>, token: Token) -> Option<String> {
    let text = cursor.text();
    literal::decode(text, token).map(|literal| literal.to_text()).or_else(|| literal::identifier(text, token))
}

fn span(token: Token) -> std::ops::Range<usize> {
    token.start..token.end
}
