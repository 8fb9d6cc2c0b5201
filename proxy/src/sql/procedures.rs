//! CREATE PROCEDURE, CREATE FUNCTION, DO and CALL: statements within statements, and roles as arguments. Source: CREATE
//! PROCEDURE, "Supported PL/pgSQL statements", Amazon Redshift Database Developer Guide.

use std::ops::Range;

use crate::sql::context::{Context, MAX_DEPTH, Place};
use crate::sql::cursor::{Cursor, Misfit};
use crate::sql::fault::FaultKind;
use crate::sql::lexer::{Token, TokenKind};
use crate::sql::literal::{self, Literal};
use crate::sql::model::{Dialect, Effect, Statement};
use crate::sql::quoting;
use crate::sql::signs::{names_role, unescaped};
use crate::sql::statement::StatementBuilder;
use crate::sql::template::{self, Expression, Made};
use crate::sql::variables::Variables;
use crate::sql::watch::ParameterUse;

/// Bodies of one function: a file and a symbol in it, where PostgreSQL loads one.
const MAX_BODIES: usize = 2;

/// What is wrong with an EXECUTE whose text cannot be told.
pub const OPEN_EXECUTE: &str = "EXECUTE of an expression, whose text is known only when it runs";

/// `CREATE PROCEDURE name (arguments) ... AS body ...`, from the name on.
///
/// # Errors
/// The header has another shape.
pub fn create(cursor: &mut Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    // What the header sets holds for the procedure alone.
    let moves = builder.take_effect(&Effect::MovesCatalog);
    let arguments = header(cursor, builder)?;
    let mut bodies = 0_usize;
    while let Some(token) = cursor.peek() {
        if cursor.accept(&["as"]) || cursor.symbol(b',') {
            let place = cursor.place();
            if let Some((token, body)) = cursor.literal() {
                bodies = bodies.saturating_add(1);
                if bodies > MAX_BODIES {
                    return Err(Misfit::new(place, "expected one body"));
                }
                read_body(cursor.text(), arguments.clone(), token, &body, context, builder);
            }
        } else if cursor.group()?.is_none() {
            if cursor.is_credential(token) && cursor.is_literal_after() {
                return Err(cursor.misfit("expected an option of CREATE PROCEDURE"));
            }
            cursor.take();
        }
    }
    quoting::check_both(builder, moves);
    Ok(())
}

/// `CREATE FUNCTION name (arguments) RETURNS ... AS body LANGUAGE ...`, from the name on. The body is read where its language can
/// run statements; a query or a Python program cannot.
///
/// # Errors
/// The header has another shape.
pub fn create_function(
    cursor: &mut Cursor<'_>,
    context: Context<'_>,
    builder: &mut StatementBuilder,
) -> Result<(), Misfit> {
    let mut ahead = cursor.clone();
    let (mut is_plpgsql, mut has_language) = (false, false);
    while ahead.take().is_some() {
        if ahead.accept(&["language"])
            && let Some(token) = ahead.peek()
        {
            has_language = true;
            let text = ahead.text();
            let decoded = literal::decode(text, token).map(|literal| literal.to_text());
            let name = decoded.or_else(|| literal::identifier(text, token)).unwrap_or_default();
            let may_hide = literal::is_doubtful(text, token) || literal::is_unicode_identifier(text, token);
            is_plpgsql |= may_hide || name.eq_ignore_ascii_case("plpgsql");
        }
    }
    if is_plpgsql || !has_language {
        return create(cursor, context, builder);
    }
    header(cursor, builder)?;
    while let Some(token) = cursor.take() {
        if cursor.is_credential(token) && cursor.sees_literal() {
            return Err(Misfit::new(token.start..token.end, "expected an option of CREATE FUNCTION"));
        }
    }
    Ok(())
}

/// Name and arguments; gives the bytes of the arguments.
fn header(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) -> Result<Range<usize>, Misfit> {
    let name = cursor.name()?;
    quoting::check_name(cursor, name, builder);
    let arguments = cursor.group()?.unwrap_or(name.end..name.end);
    builder.account(arguments.clone());
    Ok(arguments)
}

/// `DO body`. Redshift has no such statement; PostgreSQL has.
///
/// # Errors
/// The backend does not know the statement.
pub fn anonymous(cursor: &mut Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) -> Result<(), Misfit> {
    if context.dialect == Dialect::Redshift {
        builder.add_misfit(cursor.misfit("expected a statement of Redshift, which has no DO"));
        return Ok(());
    }
    let end = cursor.place().end;
    while cursor.take().is_some() {
        if let Some((token, body)) = cursor.literal() {
            read_body(cursor.text(), end..end, token, &body, context, builder);
        }
    }
    Ok(())
}

/// Reads the body of a procedure.
fn read_body(
    text: &[u8],
    arguments: Range<usize>,
    token: Token,
    body: &Literal<'_>,
    context: Context<'_>,
    builder: &mut StatementBuilder,
) {
    let variables = Variables::of(text.get(arguments).unwrap_or_default(), &body.bytes, context.rules);
    let context = Context { place: Place::Body, variables: Some(&variables), ..context };
    within(token, body, context, builder);
}

/// EXECUTE in a body: a text that is known, but for values and names that are quoted, is read as the statement that it is; anything
/// else could become a carrier.
pub fn executes(mut cursor: Cursor<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let is_grant = ["grant", "revoke"].iter().any(|word| cursor.sees(word));
    // What PostgreSQL executes names no role that means anything to it.
    if is_grant || context.dialect == Dialect::PostgreSql {
        return;
    }
    while let Some(execute) = cursor.take() {
        if !cursor.is_word(execute, "execute") {
            continue;
        }
        let constant = cursor.clone().literal();
        let expression = Expression::take(&mut cursor);
        if let Some((token, literal)) = constant.filter(|_| expression.is_one_token()) {
            within(token, &literal, Context { place: Place::Message, variables: None, ..context }, builder);
        } else {
            let span = execute.start..execute.end;
            let found = context.variables.and_then(|variables| template::read(&expression, variables, context));
            match found {
                Some(Made { mut statements, trusts_quoting }) => {
                    move_to(&mut statements, &span);
                    builder.absorb(statements);
                    if trusts_quoting {
                        builder.add_effect(Effect::TrustsQuoting);
                    }
                }
                None => {
                    builder.add_fault(FaultKind::DynamicSql, span, OPEN_EXECUTE.to_owned());
                }
            }
        }
    }
}

/// `CALL name (arguments)`.
pub fn call(cursor: &mut Cursor<'_>, builder: &mut StatementBuilder) {
    let (mut joined, mut elsewhere) = (Vec::new(), Vec::new());
    let mut first: Option<Range<usize>> = None;
    while let Some(token) = cursor.peek() {
        if let Some((token, literal)) = cursor.literal() {
            first.get_or_insert(token.start..token.end);
            joined.extend_from_slice(&literal.bytes);
            let raw = cursor.bytes(token);
            elsewhere.extend(if literal.doubtful {
                unescaped(literal::inside(raw))
            } else {
                literal.bytes.into_owned()
            });
            continue;
        }
        if token.kind == TokenKind::Parameter {
            builder.watch().add(ParameterUse::CallArgument);
        }
        cursor.take();
    }
    // All literals at once, so that an ARN put together from several is seen too; and as a server of another release reads escapes.
    if let (Some(span), true) = (first, names_role(&joined) || names_role(&elsewhere)) {
        builder.add_fault(FaultKind::CallArgument, span, String::new());
    }
}

/// Reads the text that a literal holds.
fn within(token: Token, literal: &Literal<'_>, context: Context<'_>, builder: &mut StatementBuilder) {
    let span = token.start..token.end;
    builder.account(span.clone());
    let Some(mut inner) = context.read_within(&literal.bytes) else {
        builder.add_fault(FaultKind::DynamicSql, span, format!("more than {MAX_DEPTH} texts within texts"));
        return;
    };
    if literal.doubtful {
        let detail = "the text holds an escape that can be read in two ways".to_owned();
        builder.add_fault(FaultKind::Disguised, span, detail);
    } else if literal.bytes.contains(&0) {
        builder.add_fault(FaultKind::Disguised, span, "the text holds a NUL".to_owned());
    }
    relocate(&mut inner, token, literal);
    builder.absorb(inner);
}

/// Turns places in a literal's text into places in the text around it.
fn relocate(inner: &mut [Statement], token: Token, literal: &Literal<'_>) {
    let Some(start) = literal.verbatim else { return move_to(inner, &(token.start..token.end)) };
    let moved = |span: &Range<usize>| start.saturating_add(span.start)..start.saturating_add(span.end);
    for statement in inner {
        for role_use in &mut statement.role_uses {
            role_use.span = moved(&role_use.span);
        }
        for fault in &mut statement.faults {
            fault.span = moved(&fault.span);
        }
    }
}

/// Puts everything that was found at one place.
fn move_to(inner: &mut [Statement], span: &Range<usize>) {
    for statement in inner {
        for role_use in &mut statement.role_uses {
            role_use.span = span.clone();
        }
        for fault in &mut statement.faults {
            fault.span = span.clone();
        }
    }
}
