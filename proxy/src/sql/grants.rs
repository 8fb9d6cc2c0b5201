//! GRANT and REVOKE: the right to assume a role, and roles as grantees. Source: GRANT, REVOKE, Amazon Redshift Database
//! Developer Guide.

use crate::sql::clauses::role_literal;
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::lexer::TokenKind;
use crate::sql::literal;
use crate::sql::model::{Clause, Method, StatementKind, Target};
use crate::sql::names;
use crate::sql::statement::StatementBuilder;

/// Bytes of the names of those who are granted something. A statement with more is refused, for rules could not see them all.
pub const MAX_GRANTEE_BYTES: usize = 1_024;

/// `GRANT | REVOKE ...`.
///
/// # Errors
/// A credential word stands where the grammar has no place for it.
pub fn grant(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    let revokes = cursor.accept(&["revoke"]);
    if !revokes {
        cursor.require("grant")?;
    }
    cursor.accept(&["grant", "option", "for"]);
    if cursor.accept(&["assumerole"]) {
        builder.set_kind(if revokes { StatementKind::RevokeAssumerole } else { StatementKind::GrantAssumerole });
        return assumerole(cursor, builder);
    }
    builder.set_kind(StatementKind::GrantExternal);
    grantees(cursor, builder)
}

/// `ON { 'role' [, ...] | DEFAULT | ALL } TO grantees FOR ...`.
fn assumerole(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    cursor.require("on")?;
    loop {
        let place = cursor.place();
        if cursor.accept(&["default"]) {
            builder.add_role_use(Clause::AssumeRole, Method::Default, place);
        } else if cursor.accept(&["all"]) {
            builder.add_role_use(Clause::AssumeRole, Method::All, place);
        } else {
            let (token, literal) = cursor.require_literal("a role, DEFAULT or ALL")?;
            role_literal(token, &literal, Clause::AssumeRole, builder);
        }
        if !cursor.symbol(b',') {
            break;
        }
    }
    if !cursor.accept(&["to"]) {
        cursor.require("from")?;
    }
    let mut grantee = String::new();
    while let Some(token) = cursor.peek() {
        if cursor.is_credential(token) || token.kind.is_literal() {
            return Err(cursor.misfit("expected who is granted"));
        }
        if cursor.sees("for") {
            break;
        }
        grantee.push_str(if grantee.is_empty() { "" } else { " " });
        grantee.push_str(&String::from_utf8_lossy(cursor.bytes(token)));
        if grantee.len() > MAX_GRANTEE_BYTES {
            return Err(cursor.misfit(&format!("expected at most {MAX_GRANTEE_BYTES} bytes of grantees")));
        }
        cursor.take();
    }
    while let Some(token) = cursor.peek() {
        if cursor.is_credential(token) || token.kind.is_literal() {
            return Err(cursor.misfit("expected what it is granted for"));
        }
        cursor.take();
    }
    builder.set_target(Some(&Target::Grantee(grantee)));
    Ok(())
}

/// `TO IAM_ROLE 'role' [, IAM_ROLE 'role']`; anywhere else the word is a name.
fn grantees(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    let mut may_follow = false;
    while let Some(token) = cursor.peek() {
        // In a list of privileges, in quotes, or as a name: whatever the server makes of it.
        if literal::identifier(cursor.text(), token).is_some_and(|name| names::key(&name) == "assumerole") {
            return Err(cursor.misfit("expected ASSUMEROLE alone behind GRANT or REVOKE"));
        }
        if token.kind == TokenKind::Symbol(b'(') {
            cursor.group()?;
            may_follow = false;
            continue;
        }
        if cursor.is_credential(token) && cursor.is_literal_after() {
            if !(may_follow && cursor.accept(&["iam_role"])) {
                return Err(cursor.misfit("expected a name"));
            }
            let (token, literal) = cursor.require_literal("a role")?;
            role_literal(token, &literal, Clause::Grantee, builder);
            builder.set_last_target(Target::Grantee(literal.to_text()));
            may_follow = false;
            continue;
        }
        may_follow = cursor.sees("to") || cursor.sees("from") || token.kind == TokenKind::Symbol(b',');
        cursor.take();
    }
    Ok(())
}
