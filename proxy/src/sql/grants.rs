//! GRANT and REVOKE: the right to assume a role, and roles as grantees. Source: GRANT, REVOKE, Amazon Redshift Database
//! Developer Guide.

use crate::sql::clauses::role_literal;
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::draft::Draft;
use crate::sql::lexer::TokenKind;
use crate::sql::model::{Clause, Method, StatementKind, Target};

/// `GRANT | REVOKE ...`.
///
/// # Errors
/// A credential word stands where the grammar has no place for it.
pub fn grant(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    let revokes = cursor.accept(&["revoke"]);
    if !revokes {
        cursor.expect("grant")?;
    }
    cursor.accept(&["grant", "option", "for"]);
    if cursor.accept(&["assumerole"]) {
        draft.is(if revokes { StatementKind::RevokeAssumerole } else { StatementKind::GrantAssumerole });
        return assumerole(cursor, draft);
    }
    draft.is(StatementKind::GrantExternal);
    grantees(cursor, draft)
}

/// `ON { 'role' [, ...] | DEFAULT | ALL } TO grantees FOR ...`.
fn assumerole(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    cursor.expect("on")?;
    loop {
        let place = cursor.place();
        if cursor.accept(&["default"]) {
            draft.role_use(Clause::AssumeRole, Method::Default, place);
        } else if cursor.accept(&["all"]) {
            draft.role_use(Clause::AssumeRole, Method::All, place);
        } else {
            let (token, literal) = cursor.expect_literal("a role, DEFAULT or ALL")?;
            role_literal(token, &literal, Clause::AssumeRole, draft);
        }
        if !cursor.symbol(b',') {
            break;
        }
    }
    if !cursor.accept(&["to"]) {
        cursor.expect("from")?;
    }
    let mut grantee = Vec::new();
    while let Some(token) = cursor.peek() {
        if cursor.is_credential(token) || token.kind.is_literal() {
            return Err(cursor.misfit("expected who is granted"));
        }
        if cursor.sees(0, "for") {
            break;
        }
        grantee.push(String::from_utf8_lossy(cursor.bytes(token)).into_owned());
        cursor.take();
    }
    while let Some(token) = cursor.peek() {
        if cursor.is_credential(token) || token.kind.is_literal() {
            return Err(cursor.misfit("expected what it is granted for"));
        }
        cursor.take();
    }
    draft.aim(Some(&Target::Grantee(grantee.join(" "))));
    Ok(())
}

/// `TO IAM_ROLE 'role' [, IAM_ROLE 'role']`; anywhere else the word is a name.
fn grantees(cursor: &mut Cursor<'_>, draft: &mut Draft) -> Result<(), Misfit> {
    let mut may_follow = false;
    while let Some(token) = cursor.peek() {
        if token.kind == TokenKind::Symbol(b'(') {
            cursor.group()?;
            may_follow = false;
            continue;
        }
        if cursor.is_credential(token) && cursor.is_literal_after(1) {
            if !(may_follow && cursor.accept(&["iam_role"])) {
                return Err(cursor.misfit("expected a name"));
            }
            let (token, literal) = cursor.expect_literal("a role")?;
            role_literal(token, &literal, Clause::Grantee, draft);
            let grantee = Target::Grantee(literal.to_text());
            draft.aim_last(grantee);
            may_follow = false;
            continue;
        }
        may_follow = cursor.sees(0, "to") || cursor.sees(0, "from") || token.kind == TokenKind::Symbol(b',');
        cursor.take();
    }
    Ok(())
}
