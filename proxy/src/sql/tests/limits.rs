//! Statements of any length are read whole, and every limit refuses: just below it, at it and above it.

use crate::sql::analyse::MAX_STATEMENTS;
use crate::sql::context::{MAX_DEPTH, MAX_MADE_BYTES};
use crate::sql::executed::MAX_TEXTS;
use crate::sql::gaps::MAX_APPENDED;
use crate::sql::grants::MAX_GRANTEE_BYTES;
use crate::sql::settings::MAX_ARGUMENT_TOKENS;
use crate::sql::statement::{MAX_ROLE_USES, MAX_SHARED_TARGET_BYTES};
use crate::sql::tests::{A, chains, faults};
use crate::sql::{Dialect, FaultKind};

/// More words than any statement has that a client writes.
const MANY: usize = 70_000;

#[test]
fn long_statements_are_read_to_their_end() {
    let words = "a,".repeat(MANY) + "a";
    let body = format!("$$ begin copy t from 's3://b/p' iam_role '{A}'; end $$");
    for text in [
        format!("create procedure p() set search_path to {words} language plpgsql as {body}"),
        format!("create procedure p(x numeric({}1{})) as {body}", "(".repeat(MANY), ")".repeat(MANY)),
        format!("copy t ({words}) from 's3://b/p' iam_role '{A}'"),
        format!("copy t from 's3://b/p' {} iam_role '{A}'", "csv ".repeat(MANY)),
        format!("select {words}; copy t from 's3://b/p' iam_role '{A}'"),
        format!(
            "create procedure p() as $$ begin for {words} in execute 'copy t from ''s3://b'' iam_role ''{A}''' loop null; end loop; end $$"
        ),
    ] {
        assert_eq!(
            (chains(&text), faults(&text, Dialect::Redshift)),
            (vec![A.to_owned()], vec![]),
            "{}",
            text.chars().take(80).collect::<String>()
        );
    }
    for (text, fault) in [
        (format!("call p(coalesce({}'{A}'))", "null,".repeat(MANY)), FaultKind::CallArgument),
        (format!("select set_config('client_encoding', 'sjis', false) where a in ({words})"), FaultKind::Encoding),
        (
            format!("select a where a in ({words}) and set_config('client_encoding', 'sjis', false) = ''"),
            FaultKind::Encoding,
        ),
        (format!("grant {words} on t to u, role_arn '{A}'"), FaultKind::Unreadable),
        (
            format!("create external schema s from data catalog {} auth_role '{A}'", "x ".repeat(MANY)),
            FaultKind::Unreadable,
        ),
    ] {
        assert_eq!(faults(&text, Dialect::Redshift), [fault], "{}", text.chars().take(80).collect::<String>());
    }
}

/// Whatever lies within and beyond the inspector's bound on what it analyses at once, and within any window of the scan.
#[test]
fn a_carrier_is_found_wherever_it_stands() {
    for bytes in [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 65_535, 65_536, 65_537, 4_000_000] {
        for filler in ["x ", "'y', ", "/* z */"] {
            let before = filler.repeat(bytes / filler.len()) + &" ".repeat(bytes % filler.len());
            let text = format!("select {before} 1; copy t from 's3://b/p' iam_role '{A}'");
            assert_eq!(chains(&text), [A], "{bytes} {filler}");
        }
    }
}

/// No byte of a text takes stack.
#[test]
fn a_million_dollars_fit_a_small_stack() {
    for word in ["a", "#a"] {
        let text = format!("select {word}{}; copy t from 's3://b/p' iam_role '{A}'", "$".repeat(1_000_000));
        let reader = std::thread::Builder::new().stack_size(256 * 1024);
        let read = reader.spawn(move || chains(&text)).map(|thread| thread.join().ok());
        assert_eq!(read.ok().flatten(), Some(vec![A.to_owned()]), "{word}");
    }
}

/// What is known of one body is looked for in that body alone.
#[test]
fn many_bodies_are_read_in_linear_time() {
    let body = "create procedure p() as $$ begin null; end $$; ";
    let text = format!("{}select 1, '{}'", body.repeat(20_000), "search_path ".repeat(20_000));
    assert_eq!(faults(&text, Dialect::Redshift), []);
}

#[test]
fn a_call_of_any_length_is_watched() {
    let text = format!("call p({}$9)", "null,".repeat(MANY));
    let found = crate::sql::tests::statements(&text, Dialect::Redshift);
    assert!(found.iter().any(|statement| statement.watch.judge(&[A.as_bytes()]).is_some()));
}

#[test]
fn more_clauses_than_are_kept_are_refused() {
    for (count, told) in
        [(MAX_ROLE_USES - 1, vec![]), (MAX_ROLE_USES, vec![]), (MAX_ROLE_USES + 1, vec![FaultKind::Unreadable])]
    {
        let roles = format!("iam_role '{A}',").repeat(count - 1) + &format!("iam_role '{A}'");
        let text = format!("grant select on external table s.t to {roles}");
        assert_eq!(faults(&text, Dialect::Redshift), told, "{count}");
        assert_eq!(chains(&text).len(), count.min(MAX_ROLE_USES));
    }
}

#[test]
fn more_statements_than_are_kept_are_refused() {
    for (count, refused) in [(MAX_STATEMENTS - 1, false), (MAX_STATEMENTS, true), (MAX_STATEMENTS + 1, true)] {
        let text = format!("copy t from 's3://b/p' iam_role '{A}';").repeat(count);
        assert_eq!(faults(&text, Dialect::Redshift).contains(&FaultKind::Unreadable), refused, "{count}");
    }
}

#[test]
fn deeper_texts_than_are_read_are_refused() {
    // A message holds a body, a body executes a message, and so on: bodies stand at odd depths.
    let nested = |depth: u8| {
        let copy = format!("copy t from 's3://b/p' iam_role '{A}'");
        let innermost = if depth % 2 == 1 { format!("begin {copy}; end") } else { copy };
        (0..depth).rev().fold(innermost, |inner, level| match level % 2 {
            0 => format!("create procedure p() as $l{level}${inner}$l{level}$ language plpgsql"),
            _ => format!("begin execute $l{level}${inner}$l{level}$; end"),
        })
    };
    for (depth, told) in [(MAX_DEPTH - 1, vec![]), (MAX_DEPTH, vec![]), (MAX_DEPTH + 1, vec![FaultKind::DynamicSql])] {
        assert_eq!(faults(&nested(depth), Dialect::Redshift), told, "{}", nested(depth));
    }
}

#[test]
fn more_texts_than_are_followed_are_refused() {
    for (count, refused) in [(MAX_TEXTS - 1, false), (MAX_TEXTS, false), (MAX_TEXTS + 1, true)] {
        let given = "x := 'select 1';".repeat(count);
        let text =
            format!("create procedure p() as $$ declare x text; begin {given} execute x; end $$ language plpgsql");
        assert_eq!(faults(&text, Dialect::Redshift) == [FaultKind::DynamicSql], refused, "{count}");
    }
}

#[test]
fn more_appended_texts_than_are_followed_are_refused() {
    for (count, refused) in [(MAX_APPENDED - 2, false), (MAX_APPENDED - 1, false), (MAX_APPENDED, true)] {
        let given = "x := x || ', a';".repeat(count);
        let body = format!("declare x text := 'select 1'; begin {given} execute x; end");
        let text = format!("create procedure p() as $$ {body} $$ language plpgsql");
        assert_eq!(faults(&text, Dialect::Redshift) == [FaultKind::DynamicSql], refused, "{count}");
    }
}

#[test]
fn deeper_variables_than_are_followed_are_refused() {
    for (depth, refused) in [(3, false), (4, false), (5, true)] {
        let all = |one: &dyn Fn(i32) -> String| (0..depth).map(one).collect::<Vec<_>>().concat();
        let given = all(&|number| if number == 0 { String::new() } else { format!("v{number} := v{};", number - 1) });
        let declared = all(&|number| format!("v{number} text;"));
        let body = format!("declare {declared} begin v0 := 'select 1'; {given} execute v{}; end", depth - 1);
        let text = format!("create procedure p() as $$ {body} $$ language plpgsql");
        assert_eq!(faults(&text, Dialect::Redshift) == [FaultKind::DynamicSql], refused, "{text}");
    }
}

#[test]
fn longer_arguments_than_are_read_are_computed() {
    for (terms, computed) in [(126, false), (127, false), (128, true), (200_000, true)] {
        // `'app'` and a sign and a name for each term.
        let text = format!("select set_config('app'{}, 'x', false)", " + a".repeat(terms));
        let want = if computed { vec![FaultKind::ComputedSetting] } else { vec![] };
        assert_eq!(faults(&text, Dialect::Redshift), want, "{terms}: {MAX_ARGUMENT_TOKENS} tokens are read");
    }
    let nested = format!("select {}", "set_config(".repeat(30_000));
    assert!(faults(&nested, Dialect::Redshift).contains(&FaultKind::ComputedSetting));
}

#[test]
fn more_bodies_than_one_function_has_are_refused() {
    for (bodies, told) in
        [(1, vec![]), (2, vec![]), (3, vec![FaultKind::Unreadable]), (50_000, vec![FaultKind::Unreadable])]
    {
        let text = format!("create procedure p() as {} language plpgsql", vec!["$$ x $$"; bodies].join(","));
        assert_eq!(faults(&text, Dialect::Redshift), told, "{bodies}");
    }
}

#[test]
fn texts_are_made_up_to_so_many_bytes() {
    let text = |bytes: usize, times: usize| {
        let given = format!("q := 'select {}';", "x".repeat(bytes));
        let body = format!("declare q text; begin {given} {} end", "execute q; ".repeat(times));
        format!("create procedure p() as $$ {body} $$ language plpgsql")
    };
    // The expression that is assigned counts, with its quotes, and so does the text that it makes.
    let alone = (MAX_MADE_BYTES - "'select '".len() - "select ".len()) / 2;
    for (bytes, times, refused) in
        [(alone - 1, 1, false), (alone, 1, false), (alone + 1, 1, true), (100, 4_000, false), (400_000, 900, true)]
    {
        assert_eq!(
            faults(&text(bytes, times), Dialect::Redshift) == [FaultKind::DynamicSql],
            refused,
            "{bytes} {times}"
        );
    }
}

#[test]
fn more_grantees_than_rules_can_see_are_refused() {
    for (bytes, told) in [
        (MAX_GRANTEE_BYTES - 1, vec![]),
        (MAX_GRANTEE_BYTES, vec![]),
        (MAX_GRANTEE_BYTES + 1, vec![FaultKind::Unreadable]),
        (700_000, vec![FaultKind::Unreadable]),
    ] {
        let text = format!("grant assumerole on '{A}' to {} for all", "u".repeat(bytes));
        assert_eq!(faults(&text, Dialect::Redshift), told, "{bytes}");
        assert_eq!(chains(&text), [A]);
    }
}

#[test]
fn a_target_that_many_clauses_share_is_bounded() {
    let uses = 64;
    for (bytes, told) in [
        (MAX_SHARED_TARGET_BYTES / uses - 1, false),
        (MAX_SHARED_TARGET_BYTES / uses, false),
        (MAX_SHARED_TARGET_BYTES / uses + 1, true),
    ] {
        let roles = vec![format!("'{A}'"); uses].join(",");
        let text = format!("grant assumerole on {roles} to {} for all", "u".repeat(bytes));
        assert_eq!(!faults(&text, Dialect::Redshift).is_empty(), told, "{bytes}");
    }
    let alone = format!("copy t from 's3://b/{}' iam_role '{A}'", "p".repeat(MAX_SHARED_TARGET_BYTES));
    assert_eq!(faults(&alone, Dialect::Redshift), []);
    let many = format!("copy t from 's3://b/{}' {}", "p".repeat(100_000), "iam_role '' ".repeat(900));
    let found = crate::sql::tests::statements(&many, Dialect::Redshift);
    let kept = found.iter().flat_map(|one| &one.role_uses).filter_map(|it| it.target.as_ref()).count();
    assert_eq!((kept, faults(&many, Dialect::Redshift).contains(&FaultKind::Unreadable)), (0, true));
}
