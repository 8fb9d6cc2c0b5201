//! Texts without their secrets, for logs. Works on bytes, before any grammar and whatever the quotes: a text may be refused,
//! unreadable, of another dialect or cut in the middle.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::sql::model::Dialect;
use crate::sql::signs::unescaped;

/// What stands in a secret's place.
const MASK: &str = "***";

/// Names whose value is a secret, wherever they stand. The longest that fits is the first.
const NAMES: &str = r"(?i-u)(?:aws_)?(?:secret_?access_?key(?:_?id)?|access_?key(?:_?id)?|secret_?key|key_id|session_?token|security_?token)|(?:master_)?symmetric_?key|client_?secret|api_?key|(?:web_identity_|access_?|refresh_?|id_)?token|pass(?:word|wd|phrase)|pwd|identified\s+by|private_?key|parameters|secret|credentials";

/// What is a secret by its shape: access key ids, JSON web tokens, hashed passwords, session tokens.
const SHAPES: &str = r"(?-u)\b(?:AKIA|ASIA)[A-Z0-9]{12,128}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?|\bmd5[0-9a-fA-F]{32}\b|[A-Za-z0-9/+]{100,}={0,2}";

/// What may be a secret access key, where a key's name or id stands in the text too.
const KEYS: &str = r"(?-u)[A-Za-z0-9/+]{40,}";

/// User and password of a URL.
const USERINFO: &str = r#"(?-u)://([^\s'"@/]*|[^\s'"@/:]+:[^\s'"@]*)@"#;

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    let pattern = |text| Regex::new(text).ok();
    Some(Patterns { names: pattern(NAMES)?, shapes: pattern(SHAPES)?, keys: pattern(KEYS)?, users: pattern(USERINFO)? })
});

struct Patterns {
    names: Regex,
    shapes: Regex,
    keys: Regex,
    users: Regex,
}

/// The text with every secret replaced: access keys, tokens, symmetric keys, passwords, the PARAMETERS of identity
/// providers, and what has the shape of a secret. Role ARNs stay whole.
#[must_use]
pub fn mask(text: &[u8], dialect: Dialect) -> String {
    mask_within(text, 0..text.len(), dialect)
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

/// Bytes before a part of a text that are looked at for a name whose value stands in the part.
const CONTEXT_BYTES: usize = 4_096;

/// The part of a text that stands at `span`, without its secrets, those included whose name stands before it.
#[must_use]
pub fn mask_within(text: &[u8], span: Range<usize>, _dialect: Dialect) -> String {
    let from = span.start.saturating_sub(CONTEXT_BYTES);
    let text = text.get(from..span.end).unwrap_or(text);
    let start = span.start.saturating_sub(from);
    let (mut shown, mut at) = (String::new(), start);
    for secret in secrets(text).into_iter().filter(|secret| secret.end > start) {
        shown.push_str(&String::from_utf8_lossy(text.get(at..secret.start).unwrap_or_default()));
        shown.push_str(MASK);
        at = secret.end;
    }
    shown + &String::from_utf8_lossy(text.get(at..).unwrap_or_default())
}

/// Where secrets stand, in order and apart.
fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let Some(patterns) = PATTERNS.as_ref() else { return std::iter::once(0..text.len()).collect() };
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut is_keyed = false;
    let mut from = 0;
    while let Some(name) = patterns.names.find_at(text, from) {
        if is_in_arn(text, name.start()) {
            from = name.end();
            continue;
        }
        let values = values(text, name.range());
        is_keyed |= !values.is_empty();
        let end = values.last().map_or(0, |value| value.end);
        // Another name may stand in what looks like the value, and its own value go beyond; a dollar quote is searched once.
        let is_dollar =
            values.first().and_then(|value| value.start.checked_sub(1)).and_then(|at| text.get(at)) == Some(&b'$');
        from = if end < text.len() && !is_dollar { name.end() } else { end.max(name.end()) };
        found.extend(values);
    }
    if hides_name(text, patterns) {
        let quote = memchr::memchr3(b'\'', b'"', b'$', text).unwrap_or(0);
        found.push(quote..text.len());
    }
    for shape in patterns.shapes.find_iter(text).filter(|shape| !is_in_arn(text, shape.start())) {
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
    before.get(start..).is_some_and(|word| word.windows(4).any(|part| part.eq_ignore_ascii_case(b"arn:")))
}

/// The value, or the values, behind a name.
fn values(text: &[u8], name: Range<usize>) -> Vec<Range<usize>> {
    let is_letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
    };
    let word = text.get(name.clone()).unwrap_or_default();
    // `tokens`, `passwords`, `secretary`; a name in quotes of its own, with no sign behind them, is a value itself.
    let quote = text.get(name.end).filter(|byte| matches!(byte, b'\'' | b'"'));
    let is_quoted = quote.is_some() && quote == name.start.checked_sub(1).and_then(|before| text.get(before));
    let assigned = match behind_separator(text, name.end) {
        (_, false) if is_quoted => behind_separator(text, name.end.saturating_add(1)),
        found => found,
    };
    if is_letter(Some(name.end)) || (is_quoted && !assigned.1 && assigned.0 == name.end.saturating_add(1)) {
        return Vec::new();
    }
    let is_pairs = word.eq_ignore_ascii_case(b"credentials");
    let is_key = word.windows(3).any(|part| part.eq_ignore_ascii_case(b"key"));
    let (at, assigns) = assigned;
    match opening(text, at) {
        Some(quote) => {
            let value = at.saturating_add(quote.len())..close(text, at, &quote);
            if is_pairs { pairs(text, value) } else { continued(text, value, &quote) }
        }
        None if assigns || (is_key && !is_letter(name.start.checked_sub(1))) => {
            let value = at..bare_end(text, at);
            let is_word = |word: &[u8]| text.get(value.clone()).is_some_and(|bytes| bytes.eq_ignore_ascii_case(word));
            let is_sql = !assigns && PLAIN.iter().any(|word| is_word(word.as_bytes()));
            if is_sql || is_pairs { Vec::new() } else { vec![value] }
        }
        None => Vec::new(),
    }
}

/// Words that follow the name of a column.
const PLAIN: [&str; 24] = [
    "and", "as", "asc", "between", "char", "desc", "from", "group", "in", "is", "like", "not", "on", "or", "order",
    "set", "text", "then", "to", "union", "using", "varchar", "where", "when",
];

/// Where the value starts: behind the quote that closes the name, blanks, `=`, `:`, `=>`, AS and TO; and whether one of
/// the signs stood there.
fn behind_separator(text: &[u8], mut at: usize) -> (usize, bool) {
    let mut assigns = false;
    // The quote that closes a quoted name: what follows it is a sign.
    if let Some(quote @ (b'"' | b'\'')) = text.get(at).copied() {
        let after = text.get(at.saturating_add(1)..).unwrap_or_default();
        let sign = after.iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(sign, Some(b'=' | b':')) && after.first() != Some(&quote) {
            at = at.saturating_add(1);
        }
    }
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let is_word = |word: &[u8]| {
            rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
                && rest.get(word.len()).is_some_and(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'))
        };
        match rest {
            [blank, ..] if blank.is_ascii_whitespace() => at = at.saturating_add(1),
            [b'=' | b':' | b'>', ..] => {
                assigns = true;
                at = at.saturating_add(1);
            }
            _ if is_word(b"as") || is_word(b"to") || is_word(b"by") => at = at.saturating_add(2),
            [b'-', b'-', ..] => at = at.saturating_add(memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())),
            [b'/', b'*', ..] => {
                at = at
                    .saturating_add(memchr::memmem::find(rest, b"*/").map_or(rest.len(), |end| end.saturating_add(2)));
            }
            [b'|', b'|', ..] => at = at.saturating_add(2),
            _ => return (at, assigns),
        }
    }
}

/// The quotes that open at a place.
fn opening(text: &[u8], at: usize) -> Option<Vec<u8>> {
    let rest = text.get(at..)?;
    let run = |byte: u8| rest.iter().take_while(|other| **other == byte).count();
    match rest.first()? {
        b'\'' | b'"' => {
            let byte = *rest.first()?;
            let count = run(byte);
            // Two quotes are an empty string, or quotes within a string.
            let is_empty = count == 2 && rest.get(2).is_none_or(|next| b" \t\r\n;,)".contains(next));
            (!is_empty).then(|| vec![byte; count])
        }
        b'\\' if matches!(rest.get(1), Some(b'\'' | b'"')) => rest.get(..2).map(<[u8]>::to_vec),
        b'E' | b'e' | b'N' | b'n' if rest.get(1) == Some(&b'\'') => rest.get(..2).map(<[u8]>::to_vec),
        b'$' => {
            let tag = memchr::memchr(b'$', rest.get(1..)?)?.saturating_add(2);
            rest.get(..tag).map(<[u8]>::to_vec)
        }
        0xe2 => [CURLY.0, CURLY.1, CURLY.2, CURLY.3]
            .iter()
            .find(|quote| rest.starts_with(quote.as_bytes()))
            .map(|quote| quote.as_bytes().to_vec()),
        _ => None,
    }
}

const CURLY: (&str, &str, &str, &str) = ("\u{2018}", "\u{2019}", "\u{201c}", "\u{201d}");

/// Where the value ends that opens at `at` with `quote`: at what closes it, or at the end of the text.
fn close(text: &[u8], at: usize, quote: &[u8]) -> usize {
    let start = at.saturating_add(quote.len());
    let rest = text.get(start..).unwrap_or_default();
    let end = match quote {
        [byte @ (b'\'' | b'"')] | [b'E' | b'e' | b'N' | b'n', byte] => single_close(rest, *byte),
        [0xe2, ..] => {
            let ends = [CURLY.0, CURLY.1, CURLY.2, CURLY.3, "'", "\""];
            let closes = |at: &usize| {
                rest.get(*at..).is_some_and(|rest| ends.iter().any(|end| rest.starts_with(end.as_bytes())))
            };
            memchr::memchr3_iter(0xe2, b'\'', b'"', rest).find(closes)
        }
        _ => memchr::memmem::find(rest, quote),
    };
    end.map_or(text.len(), |end| start.saturating_add(end))
}

/// The quote that closes a string: doubled ones and those behind a backslash do not.
fn single_close(rest: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0_usize;
    loop {
        at = at.saturating_add(memchr::memchr2(quote, b'\\', rest.get(at..)?)?);
        let next = at.saturating_add(1);
        match rest.get(at) {
            Some(b'\\') => at = at.saturating_add(2),
            _ if rest.get(next) == Some(&quote) => at = next.saturating_add(1),
            _ => return Some(at),
        }
    }
}

/// A value and the literals that go on behind it.
fn continued(text: &[u8], value: Range<usize>, quote: &[u8]) -> Vec<Range<usize>> {
    let mut values = vec![value];
    while let Some(last) = values.last() {
        let (at, _) = behind_separator(text, last.end.saturating_add(quote.len()));
        match text.get(at) {
            Some(b'\'') if quote == b"'" && at < text.len() => {
                let end = close(text, at, quote);
                values.push(at.saturating_add(1)..end);
            }
            _ => break,
        }
    }
    values
}

/// The values of the pairs of CREDENTIALS but for roles, and what is no pair.
fn pairs(text: &[u8], value: Range<usize>) -> Vec<Range<usize>> {
    let bytes = text.get(value.clone()).unwrap_or_default();
    let mut secrets = Vec::new();
    let mut start = value.start;
    for pair in bytes.split(|byte| *byte == b';') {
        let end = start.saturating_add(pair.len());
        let sign = memchr::memchr(b'=', pair);
        let name = pair.get(..sign.unwrap_or(0)).unwrap_or_default().trim_ascii();
        let is_role = name.eq_ignore_ascii_case(b"aws_iam_role") || (sign.is_none() && pair.starts_with(b"arn:"));
        let is_name = sign.is_some() && name.len() <= 32 && !is_role;
        if is_name {
            secrets.push(start.saturating_add(sign.unwrap_or(0)).saturating_add(1)..end);
        } else if !is_role {
            secrets.push(start..end);
        }
        start = end.saturating_add(1);
    }
    secrets
}

/// Where a value without quotes ends.
fn bare_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.iter().position(|byte| b" \t\r\n;,()'\"".contains(byte)).unwrap_or(rest.len());
    at.saturating_add(end)
}

#[cfg(test)]
mod tests {
    use super::{mask, mask_within, without_userinfo};
    use crate::sql::model::Dialect;

    fn masked(text: &str) -> String {
        mask(text.as_bytes(), Dialect::Redshift)
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
        assert_eq!(mask_within(text, at + 1..text.len(), Dialect::Redshift), "***'; select 1");
    }
}
