//! CREATE PROCEDURE, DO and CALL: statements within statements, and roles as arguments. Source: CREATE PROCEDURE,
//! "Supported PL/pgSQL statements", Amazon Redshift Database Developer Guide.

use std::ops::Range;

use crate::sql::analyse::{Context, Place, analyse};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::draft::Draft;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::{self, Literal};
use crate::sql::model::{Dialect, FaultKind, Statement};
use crate::sql::names_role;

/// Texts within texts that are read: a procedure's body, a string that it executes, and what that makes again.
const MAX_DEPTH: u8 = 4;

/// `CREATE PROCEDURE name (arguments) ... AS body ...`, from the name on.
///
/// # Errors
/// The header has another shape.
pub fn create(cursor: &mut Cursor<'_>, context: Context, draft: &mut Draft) -> Result<(), Misfit> {
    cursor.name()?;
    cursor.group()?;
    while let Some(token) = cursor.peek() {
        if cursor.accept(&["as"]) || cursor.symbol(b',') {
            if let Some((token, body)) = cursor.literal() {
                within(token, &body, Context { place: Place::Body, ..context }, draft);
            }
        } else if !cursor.group()? {
            if cursor.is_credential(token) && cursor.is_literal_after(1) {
                return Err(cursor.misfit("expected an option of CREATE PROCEDURE"));
            }
            cursor.take();
        }
    }
    Ok(())
}

/// `DO body`. Redshift has no such statement; PostgreSQL has.
///
/// # Errors
/// The backend does not know the statement.
pub fn anonymous(cursor: &mut Cursor<'_>, context: Context, draft: &mut Draft) -> Result<(), Misfit> {
    if context.dialect == Dialect::Redshift {
        draft.misfit(cursor.misfit("expected a statement of Redshift, which has no DO"));
        return Ok(());
    }
    while cursor.take().is_some() {
        if let Some((token, body)) = cursor.literal() {
            let body_context = Context { place: Place::Body, depth: context.depth.saturating_add(1), ..context };
            let mut inner = analyse(&body.bytes, body_context);
            // What DO executes dynamically is not stored, and its roles mean nothing to PostgreSQL.
            for statement in &mut inner {
                statement.faults.retain(|fault| fault.kind != FaultKind::DynamicSql);
            }
            relocate(&mut inner, token, &body);
            draft.absorb(inner);
        }
    }
    Ok(())
}

/// EXECUTE in a body: one literal is read as the statement that it is, anything else could become a carrier.
pub fn executes(tokens: &[Token], text: &[u8], context: Context, draft: &mut Draft) {
    let is = |token: &Token, word: &str| {
        token.kind == TokenKind::Word
            && text.get(token.start..token.end).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word.as_bytes()))
    };
    if tokens.first().is_some_and(|first| is(first, "grant") || is(first, "revoke")) {
        return;
    }
    for (place, execute) in tokens.iter().enumerate().filter(|(_, token)| is(token, "execute")) {
        let mut after = tokens.iter().skip(place.saturating_add(1));
        let sql = after.next().and_then(|token| literal::decode(text, *token).map(|literal| (*token, literal)));
        let ends = after.next().is_none_or(|next| is(next, "into") || is(next, "using"));
        match sql {
            Some((token, literal)) if ends => {
                within(token, &literal, Context { place: Place::Message, ..context }, draft);
            }
            _ => {
                let detail = "EXECUTE of an expression, whose text is known only when it runs".to_owned();
                draft.fault(FaultKind::DynamicSql, execute.start..execute.end, detail);
            }
        }
    }
}

/// `CALL name (arguments)`.
pub fn call(cursor: &mut Cursor<'_>, draft: &mut Draft) {
    let mut joined = Vec::new();
    let mut first: Option<Range<usize>> = None;
    while let Some(token) = cursor.peek() {
        if let Some((token, literal)) = cursor.literal() {
            first.get_or_insert(token.start..token.end);
            joined.extend_from_slice(&literal.bytes);
            continue;
        }
        if token.kind == TokenKind::Parameter {
            draft.watch_parameters();
        }
        cursor.take();
    }
    // All literals at once, so that an ARN put together from several is seen too.
    if let (Some(span), true) = (first, names_role(&joined)) {
        draft.fault(FaultKind::CallArgument, span, String::new());
    }
}

/// Reads the text that a literal holds.
fn within(token: Token, literal: &Literal<'_>, context: Context, draft: &mut Draft) {
    let span = token.start..token.end;
    if context.depth >= MAX_DEPTH {
        draft.fault(FaultKind::DynamicSql, span, format!("more than {MAX_DEPTH} texts within texts"));
        return;
    }
    if literal.doubtful {
        draft.fault(FaultKind::Disguised, span, "the text holds an escape that can be read in two ways".to_owned());
    }
    let mut inner = analyse(&literal.bytes, Context { depth: context.depth.saturating_add(1), ..context });
    relocate(&mut inner, token, literal);
    draft.absorb(inner);
}

/// Turns places in a literal's text into places in the text around it.
fn relocate(inner: &mut [Statement], token: Token, literal: &Literal<'_>) {
    let moved = |span: &Range<usize>| match literal.verbatim {
        Some(start) => start.saturating_add(span.start)..start.saturating_add(span.end),
        None => token.start..token.end,
    };
    for statement in inner {
        for role_use in &mut statement.role_uses {
            role_use.span = moved(&role_use.span);
        }
        for fault in &mut statement.faults {
            fault.span = moved(&fault.span);
        }
    }
}
