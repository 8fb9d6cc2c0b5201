//! The functions that make a name or a string of any value, and what could stand in for them: a function of their name in a schema
//! that the search path names before `pg_catalog`, which it otherwise searches first. Source: PostgreSQL documentation, "The System
//! Catalog Schema".

use crate::sql::cursor::Cursor;
use crate::sql::fault::FaultKind;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal;
use crate::sql::model::Effect;
use crate::sql::names;
use crate::sql::signs::holds;
use crate::sql::statement::StatementBuilder;
use crate::sql::words::is_same;

/// The functions that make a name or a string of any value.
pub const QUOTING: [&str; 2] = ["quote_ident", "quote_literal"];

/// Words for what has such a name, behind CREATE and ALTER.
pub const ROUTINES: [&str; 4] = ["aggregate", "function", "procedure", "routine"];

const CATALOG: &str = "pg_catalog";

/// Refuses a function that is given one of these names, as any server may read it.
pub fn check_name(cursor: &Cursor<'_>, name: Token, builder: &mut StatementBuilder) {
    let text = cursor.text();
    let may_hide = literal::is_unicode_identifier(text, name);
    if may_hide || literal::identifier(text, name).is_some_and(|name| QUOTING.contains(&names::key(&name).as_str())) {
        let detail = "a function of this name could stand in for the one that keeps dynamic SQL apart from values";
        builder.add_fault(FaultKind::DynamicSql, name.start..name.end, detail.to_owned());
    }
}

/// `CREATE AGGREGATE name`, `ALTER FUNCTION name (...) RENAME TO name`, from the word for what it is on: the names that are given.
pub fn check_new_names(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) {
    if cursor.accept(&["aggregate"])
        && let Ok(name) = cursor.name()
    {
        check_name(cursor, name, builder);
    }
    while cursor.peek().is_some() {
        if cursor.accept(&["rename", "to"])
            && let Ok(name) = cursor.name()
        {
            check_name(cursor, name, builder);
        }
        cursor.take();
    }
}

/// Whether a value of `search_path` names anything before `pg_catalog`. The first name counts as a whole, and in quotes its case does.
#[must_use]
pub fn moves_catalog(value: &[u8]) -> bool {
    let first = value.split(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
    let is_catalog = first.eq_ignore_ascii_case(CATALOG.as_bytes()) || first == b"\"pg_catalog\"";
    !is_catalog && holds(value, CATALOG)
}

/// Whether the packet of a StartupMessage may ask for such a search path: as a parameter, or in its options.
#[must_use]
pub fn startup_may_move_catalog(packet: &[u8]) -> bool {
    holds(packet, CATALOG) && (holds(packet, "search_path") || holds(packet, "search-path"))
}

/// Whether a function that is called with these arguments may be `set_config` of such a search path.
#[must_use]
pub fn call_may_move_catalog(values: &[&[u8]]) -> bool {
    values.iter().any(|value| is_same(value, "search_path")) && values.iter().any(|value| moves_catalog(value))
}

/// Whether a list of schemas, behind `=` or TO, names anything before `pg_catalog`.
pub fn list_moves_catalog(cursor: &mut Cursor<'_>) -> bool {
    let (mut first, mut has_catalog) = (None, false);
    while let Some(token) = cursor.take() {
        // `U&"..."` and `\x`: the escapes of another server may spell anything.
        if cursor.sees_symbol(b'&') || literal::is_doubtful(cursor.text(), token) {
            return true;
        }
        // The letter of `E'...'` is no name.
        if token.kind == TokenKind::Word && cursor.sees_literal() {
            continue;
        }
        let constant = literal::decode(cursor.text(), token).map(|literal| literal.to_text());
        let name = constant.or_else(|| literal::identifier(cursor.text(), token));
        let goes_on = cursor.symbol(b',') || name.is_none();
        let name = name.unwrap_or_default();
        has_catalog |= holds(name.as_bytes(), CATALOG);
        first.get_or_insert(name);
        if !goes_on {
            break;
        }
    }
    has_catalog && first.is_some_and(|first| first != CATALOG)
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
    use super::{list_moves_catalog, moves_catalog};
    use crate::sql::cursor::Cursor;
    use crate::sql::lexer::{Escapes, Rules};

    #[test]
    fn what_stands_before_the_catalog_counts() {
        for value in [
            "a, pg_catalog",
            "\"a\",PG_Catalog",
            "$user,pg_catalog",
            "a,b,\"pg_catalog\",c",
            "pg_catalog_x, evil, pg_catalog",
            "\"pg_catalog \", evil, pg_catalog",
            "\" pg_catalog\", pg_catalog",
            "\"PG_CATALOG\", evil, pg_catalog",
            "\"\"\"pg_catalog\"\"\", pg_catalog",
            "pg_catalog\u{a0}, evil, pg_catalog",
            "'pg_catalog, a'",
            ", pg_catalog",
        ] {
            assert!(moves_catalog(value.as_bytes()), "{value}");
        }
        for value in ["", "a, b", "pg_catalog", "PG_Catalog,a", " \"pg_catalog\" , a", "\tpg_catalog\n, a, pg_catalog"]
        {
            assert!(!moves_catalog(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn the_first_name_of_a_list_counts_as_a_whole() {
        let moves = |text: &str| {
            let mut cursor = Cursor::new(text.as_bytes(), 0..text.len(), Rules::with_escapes(Escapes::Always));
            list_moves_catalog(&mut cursor)
        };
        for list in [
            "a, pg_catalog",
            "pg_catalog_x, evil, pg_catalog",
            "\"pg_catalog \", evil, pg_catalog",
            "\"PG_CATALOG\", evil, pg_catalog",
            "'PG_CATALOG', evil, pg_catalog",
            "'pg_catalog, evil', pg_catalog",
            "'pg_catalog', U&\"a\"",
            "evil, E'pg\\x5fcatalog'",
            "E'evil', pg_catalog",
            "$user, pg_catalog",
            "-1, pg_catalog",
        ] {
            assert!(moves(list), "{list}");
        }
        for list in
            ["a, b", "PG_Catalog, a", "\"pg_catalog\", a, pg_catalog", "'pg_catalog', a", "a as 'pg_catalog'", ""]
        {
            assert!(!moves(list), "{list}");
        }
    }
}
