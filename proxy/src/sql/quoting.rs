//! The functions that make a name or a string of any value, and what could stand in for them: a function of their name in a schema
//! that the search path names before `pg_catalog`, which it otherwise searches first. Source: PostgreSQL documentation, "The System
//! Catalog Schema".

use crate::sql::cursor::Cursor;
use crate::sql::fault::FaultKind;
use crate::sql::lexer::Token;
use crate::sql::literal;
use crate::sql::model::Effect;
use crate::sql::signs::holds;
use crate::sql::statement::StatementBuilder;

/// The functions that make a name or a string of any value.
pub const QUOTING: [&str; 2] = ["quote_ident", "quote_literal"];

const CATALOG: &str = "pg_catalog";

/// Refuses a function that is given one of these names.
pub fn check_name(cursor: &Cursor<'_>, name: Token, builder: &mut StatementBuilder) {
    let text = cursor.text();
    let may_hide = literal::is_unicode_identifier(text, name);
    if may_hide || literal::identifier(text, name).is_some_and(|name| QUOTING.contains(&name.as_str())) {
        let detail = "a function of this name could stand in for the one that keeps dynamic SQL apart from values";
        builder.add_fault(FaultKind::DynamicSql, name.start..name.end, detail.to_owned());
    }
}

/// `ALTER FUNCTION name (...) RENAME TO name`, from the word FUNCTION on.
pub fn check_new_name(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) {
    while cursor.peek().is_some() {
        if cursor.accept(&["rename", "to"])
            && let Ok(name) = cursor.name()
        {
            check_name(cursor, name, builder);
        }
        cursor.take();
    }
}

/// Whether a value of `search_path` names anything before `pg_catalog`.
#[must_use]
pub fn moves_catalog(value: &[u8]) -> bool {
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    value
        .find(CATALOG)
        .is_some_and(|at| value.get(..at).is_none_or(|before| !before.trim_matches([' ', '"', '\'']).is_empty()))
}

/// Whether the packet of a StartupMessage may ask for such a search path: as a parameter, or in its options.
#[must_use]
pub fn startup_may_move_catalog(packet: &[u8]) -> bool {
    holds(packet, CATALOG) && (holds(packet, "search_path") || holds(packet, "search-path"))
}

/// Whether a list of schemas, behind `=` or TO, names anything before `pg_catalog`.
pub fn list_moves_catalog(cursor: &mut Cursor<'_>) -> bool {
    let mut names = Vec::new();
    while let Some(token) = cursor.take() {
        // `U&"..."`: the escapes of another server may spell anything.
        if cursor.sees_symbol(b'&') {
            return true;
        }
        let constant = literal::decode(cursor.text(), token).map(|literal| literal.to_text());
        names.push(constant.or_else(|| literal::identifier(cursor.text(), token)).unwrap_or_default());
        if !cursor.symbol(b',') {
            break;
        }
    }
    moves_catalog(names.join(",").as_bytes())
}

/// Says so where a statement both trusts these functions and puts something before them.
pub fn check_both(builder: &mut StatementBuilder, moves: bool) {
    if builder.has_effect(&Effect::TrustsQuoting) && (moves || builder.has_effect(&Effect::MovesCatalog)) {
        let span = builder.span();
        builder.add_fault(FaultKind::DynamicSql, span, MOVED.to_owned());
    }
}

/// What is wrong where dynamic SQL trusts these functions and the search path puts something before them.
pub const MOVED: &str = "a search path that names a schema before pg_catalog could put another function in the place of quote_ident or quote_literal";

#[cfg(test)]
mod tests {
    use super::moves_catalog;

    #[test]
    fn what_stands_before_the_catalog_counts() {
        for value in
            ["a, pg_catalog", "\"a\",PG_Catalog", "$user,pg_catalog", "'a, pg_catalog'", "a,b,\"pg_catalog\",c"]
        {
            assert!(moves_catalog(value.as_bytes()), "{value}");
        }
        for value in ["", "a, b", "pg_catalog", " \"pg_catalog\", a", "'pg_catalog, a'"] {
            assert!(!moves_catalog(value.as_bytes()), "{value}");
        }
    }
}
