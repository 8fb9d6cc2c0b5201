//! Texts without their secrets, for logs. Works on bytes, before any grammar and whatever the quotes: a text may be refused,
//! unreadable, of another dialect or cut in the middle.

mod values;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::sql::mask::values::{BehindName, SecretValues};
use crate::sql::signs::unescaped;

/// What stands in a secret's place.
pub const MASK: &str = "***";

/// Names whose value is a secret, wherever they stand. The longest that fits is the first.
const NAMES: &str = r"(?i-u)(?:aws_)?(?:secret[_\s-]?access[_\s-]?key(?:_?id)?|access[_\s-]?key(?:_?id)?|secret[_\s-]?key|key_id|session[_\s-]?token|security[_\s-]?token)|(?:master_)?symmetric_?key|client_?secret|api_?key|(?:web_identity_|access_?|refresh_?|id_)?token|pass(?:word|wd|phrase)|pwd|identified\s+by|private_?key|parameters|secret|credentials";

/// What is a secret by its shape: access key ids, hashed passwords, session tokens; and JSON web tokens. Each is looked for by itself:
/// a start of one that goes on for long would be walked over again for every match of another within it.
const SHAPES: [&str; 2] = [
    r"(?-u)(?:AKIA|ASIA)[A-Z0-9]{12,128}\b|\bmd5[0-9a-fA-F]{32}\b|[A-Za-z0-9/+]{100,}={0,2}",
    r"(?-u)\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?",
];

/// What may be a secret access key, where a key's name or id stands in the text too.
const KEYS: &str = r"(?-u)[A-Za-z0-9/+]{40,}";

/// User and password of a URL.
const USERINFO: &str = r#"(?-u)://([^\s'"@/]*|[^\s'"@/:]+:[^\s'"@]*)@"#;

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let pattern = |text| Regex::new(text).ok();
    let [shapes, tokens] = SHAPES.map(pattern);
    Some(Patterns {
        names: pattern(NAMES)?,
        shapes: [shapes?, tokens?],
        keys: pattern(KEYS)?,
        users: pattern(USERINFO)?,
    })
});

struct Patterns {
    names: Regex,
    shapes: [Regex; 2],
    keys: Regex,
    users: Regex,
}

/// The text with every secret replaced: access keys, tokens, symmetric keys, passwords, the PARAMETERS of identity
/// providers, and what has the shape of a secret. Role ARNs stay whole.
#[must_use]
pub fn mask(text: &[u8]) -> String {
    mask_within(text, 0..text.len())
}

/// A URI without the user and password that it may hold.
#[must_use]
pub fn without_userinfo(uri: &str) -> String {
    let Some(patterns) = PATTERNS.as_ref() else { return MASK.to_owned() };
    let user = patterns.users.captures(uri.as_bytes()).and_then(|found| found.get(1)).map(|user| user.range());
    let Some((before, after)) = user.and_then(|user| uri.get(..user.start).zip(uri.get(user.end..))) else {
        return uri.to_owned();
    };
    format!("{before}{MASK}{after}")
}

/// Bytes around a part of a text that are looked at: before it for a name whose value stands in the part, behind it for the rest of
/// what is a secret by its shape.
pub const CONTEXT_BYTES: usize = 4_096;

/// The part of a text that stands at `span`, without its secrets, those included that begin before it or end behind it.
#[must_use]
pub fn mask_within(text: &[u8], span: Range<usize>) -> String {
    let (start, end) = (span.start.min(text.len()), span.end.min(text.len()));
    let from = start.saturating_sub(CONTEXT_BYTES);
    let around = text.get(from..end.saturating_add(CONTEXT_BYTES).min(text.len())).unwrap_or_default();
    let (start, end) = (start.saturating_sub(from), end.saturating_sub(from));
    let (mut shown, mut at) = (String::new(), start);
    for secret in secrets(around).into_iter().filter(|secret| secret.end > start && secret.start < end) {
        shown.push_str(&String::from_utf8_lossy(around.get(at..secret.start).unwrap_or_default()));
        shown.push_str(MASK);
        at = secret.end;
    }
    shown + &String::from_utf8_lossy(around.get(at..end).unwrap_or_default())
}

/// Where secrets stand, in order and apart.
fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let Some(patterns) = PATTERNS.as_ref() else { return std::iter::once(0..text.len()).collect() };
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut values = SecretValues::of(text);
    let mut is_keyed = false;
    let mut from = 0;
    while let Some(name) = patterns.names.find_at(text, from) {
        if is_in_arn(text, name.start()) {
            from = name.end();
            continue;
        }
        let BehindName { secrets, goes_on_at } = values.behind(name.range());
        is_keyed |= !secrets.is_empty();
        from = goes_on_at.max(name.end());
        found.extend(secrets);
    }
    if hides_name(text, patterns) {
        let quote = memchr::memchr3(b'\'', b'"', b'$', text).unwrap_or(0);
        found.push(quote..text.len());
    }
    let shapes = patterns.shapes.iter().flat_map(|shape| shape.find_iter(text));
    for shape in shapes.filter(|shape| !is_in_arn(text, shape.start())) {
        is_keyed = true;
        found.push(shape.range());
    }
    if is_keyed {
        let keys = patterns.keys.find_iter(text).filter(|key| !is_in_arn(text, key.start()));
        found.extend(keys.map(|key| key.range()));
    }
    found.extend(patterns.users.captures_iter(text).filter_map(|user| user.get(1)).map(|user| user.range()));
    merged(found)
}

/// Whether a name of a secret shows only once escapes are decoded.
fn hides_name(text: &[u8], patterns: &Patterns) -> bool {
    if memchr::memchr(b'\\', text).is_none() {
        return false;
    }
    let names = |text: &[u8]| -> BTreeSet<Vec<u8>> {
        patterns.names.find_iter(text).map(|name| name.as_bytes().to_ascii_lowercase()).collect()
    };
    !names(&unescaped(text)).is_subset(&names(text))
}

fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.retain(|span| span.start < span.end);
    spans.sort_by_key(|span| span.start);
    let mut apart: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match apart.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => apart.push(span),
        }
    }
    apart
}

/// Whether a place is within a role's ARN, whose path and name can look like a key.
fn is_in_arn(text: &[u8], at: usize) -> bool {
    let before = text.get(at.saturating_sub(640)..at).unwrap_or_default();
    let start =
        before.iter().rposition(|byte| b" \t\r\n'\",;=()".contains(byte)).map_or(0, |place| place.saturating_add(1));
    let word = before.get(start..).unwrap_or_default();
    memchr::memchr_iter(b':', word).any(|colon| {
        let name = colon.checked_sub(3).and_then(|start| word.get(start..colon));
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"arn"))
    })
}

#[cfg(test)]
mod tests {
    use super::{CONTEXT_BYTES, mask, mask_within, without_userinfo};

    fn masked(text: &str) -> String {
        mask(text.as_bytes())
    }

    #[test]
    fn secrets_are_masked_and_what_stands_beside_stays() {
        for (text, shown) in [
            (
                "copy t from 's3://b' access_key_id 'AKIA1' secret_access_key 'S3CR'",
                "copy t from 's3://b' access_key_id '***' secret_access_key '***'",
            ),
            (
                "copy t from 's3://b' credentials as 'aws_access_key_id=AKIA1;aws_secret_access_key=S3CR'",
                "copy t from 's3://b' credentials as 'aws_access_key_id=***;aws_secret_access_key=***'",
            ),
            (
                "copy t from 's3://b' credentials 'aws_iam_role=arn:x;master_symmetric_key=S3CR'",
                "copy t from 's3://b' credentials 'aws_iam_role=arn:x;master_symmetric_key=***'",
            ),
            ("create user u password 'S3CR' valid until 'x'", "create user u password '***' valid until 'x'"),
            ("create user u password ''", "create user u password ''"),
            ("copy t from 's3://b' secret_access_key 'S3CR", "copy t from 's3://b' secret_access_key '***"),
            (
                "create procedure p() as $$ copy t from 's3://b' secret_access_key 'S3CR' $$",
                "create procedure p() as $$ copy t from 's3://b' secret_access_key '***' $$",
            ),
            ("copy t from 's3n://KEY:SEC/RET@b/p' csv", "copy t from 's3n://***@b/p' csv"),
            ("select password from users where token = 'x'", "select password from users where token = '***'"),
            ("select 1 -- token: abcdef\n, 2", "select 1 -- token: ***\n, 2"),
            ("select token, id from t where x = 'a'", "select token, id from t where x = 'a'"),
            ("select password p, 1 from users", "select password p, 1 from users"),
            ("create table t (password varchar(20), token text)", "create table t (password varchar(20), token text)"),
            ("alter user u password disable", "alter user u password disable"),
            ("select x from t order by token; select 'a'", "select x from t order by token; select 'a'"),
            ("declare passwords int := 3", "declare passwords int := 3"),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn no_quotes_and_no_dialect_hide_a_secret() {
        for text in [
            "copy into t credentials=(aws_key_id='S3CRET01' aws_secret_key='S3CRET02')",
            "copy t credentials=(aws_key_id=\"S3CRET01\" aws_secret_key = \u{201c}S3CRET02\u{201d})",
            "copy t access_key_id S3CRET01 secret_access_key S3CRET02",
            "copy t from x credentials aws_access_key_id=S3CRET01;aws_secret_access_key=S3CRET02",
            "create user u identified by 'S3CRET01'",
            "alter user u password \"S3CRET01\"",
            "create user u password 'it''s S3CRET01'",
            "create user u password 'it\\'s S3CRET01'",
            "create user u password E'S3CRET01' createdb",
            "create user u password $x$S3CRET01$x$",
            "create user u password 'a'\n'S3CRET01'",
            "create user u password /* x */ -- y\n 'S3CRET01'",
            "select '{\"client_secret\": \"S3CRET01\"}'",
            "create identity provider x parameters '{\"a\": \"S3CRET01\"}'",
            "call load('aws_access_key_id=S3CRET01;token=S3CRET02')",
            "execute 'copy t secret_access_key ''S3CRET01'' csv'",
            "select format('copy t secret_access_key ''%s''', 'x'), 'secret_access_key', secret_key => 'S3CRET01'",
            "copy t from 's3' secret\\137access\\137key 'S3CRET01'",
            "copy t credentials 'S3CRET01'",
            "copy t credentials 'x=S3CRET01;S3CRET02'",
            "create procedure p() as $$ declare v_password varchar(20) := 'S3CRET01'; begin execute a; end $$ language plpgsql",
            "declare password varchar := 'S3CRET01'",
            "declare v_secret constant varchar(20) not null default 'S3CRET01'",
            "call p('password','S3CRET01','x')",
            "call p('secret_access_key', 'S3CRET01')",
            r"create procedure p() as 'begin execute \'copy t access_key_id \\\'S3CRET01\\\' \'; end' language plpgsql",
            r#"select '{\"secret_access_key\": \"S3CRET01\"}'"#,
            "copy t secret_access_key ('S3CRET01')",
            "copy t secret_access_key, 'S3CRET01'",
            "copy t access_key_id 'x'; secret_access_key;'S3CRET01'",
            "select 1 where password is 'S3CRET01' or token in ('S3CRET02')",
            "copy t session_token S3CRET01",
            "alter user u password S3CRET01",
            "create user u identified by S3CRET01",
            "alter user u password `S3CRET01`",
            "copy t secret-access-key 'S3CRET01'",
            "copy t secret access key = 'S3CRET01'",
            "copy t credentials ('S3CRET01')",
        ] {
            assert!(!masked(text).contains("S3CRET"), "{}", masked(text));
        }
    }

    #[test]
    fn shapes_are_masked() {
        for secret in [
            "AKIAIOSFODNN7EXAMPLE",
            "ASIAIOSFODNN7EXAMPLE",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_def",
            "md50123456789abcdef0123456789abcdef",
        ] {
            assert!(!masked(&format!("select x from {secret}")).contains(secret), "{secret}");
        }
        let key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        assert!(!masked(&format!("frobnicate AKIAIOSFODNN7EXAMPLE {key}")).contains(key));
        assert!(!masked(&format!("x {} y", "Abc1/+".repeat(40))).contains("Abc1"));
    }

    #[test]
    fn roles_stay_whole() {
        let long = format!("arn:aws:iam::123456789012:role/{}/{}", "a".repeat(120), "b".repeat(60));
        for text in [
            format!("copy t from 's3://b' iam_role '{long}' access_key_id 'x'"),
            format!("copy t from 's3://b' credentials 'aws_iam_role={long}'"),
            format!("call p('{long}')"),
        ] {
            assert!(masked(&text).contains(&long), "{}", masked(&text));
        }
    }

    #[test]
    fn uris_lose_their_users() {
        for (uri, shown) in [
            ("s3n://KEY:SEC/RET@bucket/p", "s3n://***@bucket/p"),
            ("s3://bucket/a@b/token=5", "s3://bucket/a@b/token=5"),
            ("postgres://joe@host/db", "postgres://***@host/db"),
            ("dynamodb://t", "dynamodb://t"),
        ] {
            assert_eq!(without_userinfo(uri), shown);
        }
    }

    #[test]
    fn a_part_is_masked_as_within_the_whole() {
        let text = b"copy t secret_access_key 'S3C;RET01'; select 1";
        let at = text.iter().position(|byte| *byte == b';').unwrap_or_default();
        assert_eq!(mask_within(text, at + 1..text.len()), "***'; select 1");
        assert_eq!(mask_within(text, at + 1..usize::MAX), "***'; select 1");
    }

    #[test]
    fn so_much_around_a_part_is_looked_at() {
        // The name begins just within the bytes before the part, at the first of them, and before it.
        for (blanks, shown) in
            [(CONTEXT_BYTES - 10, "***'"), (CONTEXT_BYTES - 9, "***'"), (CONTEXT_BYTES - 8, "S3CRET'")]
        {
            let before = format!("x password{}'", " ".repeat(blanks));
            let text = format!("{before}S3CRET'");
            assert_eq!(mask_within(text.as_bytes(), before.len()..text.len()), shown, "{blanks}");
        }
        // A token that ends within the bytes behind the part, with the last of them, and behind it.
        for (bytes, shown) in [(CONTEXT_BYTES - 1, "***"), (CONTEXT_BYTES, "***"), (CONTEXT_BYTES + 1, "eyJa")] {
            let token = format!("eyJa{}.abcd", "_".repeat(bytes - 5));
            assert_eq!(mask_within(token.as_bytes(), 0..4), shown, "{bytes}");
        }
    }

    #[test]
    fn so_much_between_a_name_and_its_value_is_looked_at() {
        // (bytes of the type, whether the value behind it is told)
        for (bytes, is_told) in [(93, true), (94, true), (95, false)] {
            let text = format!("declare password {}:= 'S3CRET'", "t".repeat(bytes - 1));
            assert_eq!(!masked(&text).contains("S3CRET"), is_told, "{bytes}");
        }
        // (bytes from USER to PASSWORD, whether a word without quotes is told)
        for (bytes, is_told) in [(194, true), (195, true), (196, false)] {
            let text = format!("alter user {}password S3CRET", " ".repeat(bytes - 1));
            assert_eq!(!masked(&text).contains("S3CRET"), is_told, "{bytes}");
        }
    }

    /// With work or memory that grows with the square of the text, any of these takes minutes.
    #[test]
    fn no_text_is_walked_over_twice() {
        for unit in [
            "'password' ",
            "password ",
            "password/*",
            "password--",
            "password -- x\n",
            "password /* x */",
            "password=",
            "password $",
            "password $a$",
            "\"password\" ",
            "token e''",
            "token '' ",
            "token '\\' ",
            "token \u{201c}",
            "credentials '",
            "credentials ';",
            "credentials '\\' ",
            "identified ",
            "eyJ-AKIAIOSFODNN7EXAMPLE-",
            "eyJaaaaaaaa.",
            "://a:",
            "arn:token",
            "token,",
            "token(",
            "token;",
            "token (,;",
            "token int ",
            "token \\",
            " user password ",
            "'token',",
        ] {
            let text = unit.repeat(300_000 / unit.len());
            assert!(mask(text.as_bytes()).len() <= 2 * text.len(), "{unit}");
        }
        let tags: Vec<String> = (0..40_000).map(|number| format!("$tag{number:06}$")).collect();
        for name in ["credentials", "token"] {
            let opened: Vec<_> = tags.iter().map(|tag| format!("{name} {tag}x= ")).collect();
            let text = opened.concat() + &tags.iter().rev().map(String::as_str).collect::<String>();
            assert!(!mask(text.as_bytes()).contains("x= "), "{name}");
        }
        let roles = "credentials $$aws_iam_role=arn:aws:iam::1:role/A;token=S3CRET$$ and credentials $$aws_iam_role=password 'S3CRET'$$";
        assert_eq!(
            mask(roles.as_bytes()),
            "credentials $$aws_iam_role=arn:aws:iam::1:role/A;token=***$$ and credentials $$aws_iam_role=***$$"
        );
    }
}
