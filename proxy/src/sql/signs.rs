//! Signs of credentials in bytes about which nothing else is known: texts that cannot be read, values, literals.

use memchr::memchr2_iter;

use crate::sql::vocabulary::credential_words;

/// Whether a value looks like a role's ARN, or like part of a credential that names one.
#[must_use]
pub fn names_role(value: &[u8]) -> bool {
    holds(value, ":role/") || (holds(value, "arn:") && holds(value, ":iam:")) || holds(value, "aws_iam_role")
}

/// Whether a value holds what looks like an access key's name.
#[must_use]
pub fn names_keys(value: &[u8]) -> bool {
    ["access_key", "token=", "symmetric_key="].iter().any(|name| holds(value, name))
}

/// Whether a credential word stands anywhere in bytes.
#[must_use]
pub fn holds_credential_word(bytes: &[u8]) -> bool {
    credential_words().any(|word| holds(bytes, word))
}

/// Whether a text that cannot be taken apart may hold a credential: one of the words or a role's ARN stands in its bytes, in
/// what its escapes stand for, or in what is left without quotes and blanks.
#[must_use]
pub fn holds_sign(text: &[u8]) -> bool {
    let is_sign = |bytes: &[u8]| holds_credential_word(bytes) || names_role(bytes);
    is_sign(text) || (memchr::memchr(b'\\', text).is_some() && is_sign(&unescaped(text))) || is_sign(&joined(text))
}

/// Whether `word`, in lower case, stands in `bytes`. ASCII case does not count. It is looked for by its first byte that is no
/// letter, if it has one: those are rare in texts.
#[must_use]
pub fn holds(bytes: &[u8], word: &str) -> bool {
    let word = word.as_bytes();
    let anchor = word.iter().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(0);
    let Some(byte) = word.get(anchor).copied() else { return true };
    memchr2_iter(byte, byte.to_ascii_uppercase(), bytes).any(|at| {
        let start = at.checked_sub(anchor);
        let part = start.and_then(|start| bytes.get(start..start.saturating_add(word.len())));
        part.is_some_and(|part| part.eq_ignore_ascii_case(word))
    })
}

/// The text with every escape replaced by what some release of a server reads: `\ooo`, `\xHH`, `\uXXXX`, `\c`.
#[must_use]
pub fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let (digits, radix, most) = match after.first() {
            Some(b'x' | b'X') => (after.get(1..).unwrap_or_default(), 16, 2),
            Some(b'u') => (after.get(1..).unwrap_or_default(), 16, 4),
            Some(b'U') => (after.get(1..).unwrap_or_default(), 16, 8),
            Some(b'0'..=b'7') => (after, 8, 3),
            _ => continue,
        };
        let count = digits.iter().take(most).take_while(|digit| char::from(**digit).is_digit(radix)).count();
        let value =
            digits.get(..count).and_then(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, radix).ok());
        plain.extend(value.map(|value| u8::try_from(value & 0xff).unwrap_or_default()));
        rest = digits.get(count..).unwrap_or_default();
    }
    plain
}

/// The text without quotes and blanks.
fn joined(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|byte| !matches!(byte, b'\'' | b'"' | b'|' | b'\\') && !byte.is_ascii_whitespace())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{holds_sign, names_role};

    #[test]
    fn arns_are_seen() {
        for text in ["arn:aws:iam::1:role/x", "ARN:AWS-CN:IAM::1:ROLE/x", "xaws_iam_role=", "arn:aws:iam::1:user/joe"] {
            assert!(names_role(text.as_bytes()), "{text}");
        }
        for text in ["", "arn:aws:s3:::bucket", "role/", "12:30:00", "iam_role"] {
            assert!(!names_role(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn signs_show_through_escapes_and_joins() {
        for text in [
            "x Iam_Role",
            "'arn\\072aws\\072iam\\072\\0721\\072role/x",
            "'\\x3arole\\x2fx",
            "'\\u003arole/x",
            "'\\a\\r\\n:\\a\\w\\s:\\i\\a\\m::1:user/x",
            "'iam_'\n'role'",
            "':ro'  ||  'le/x'",
        ] {
            assert!(holds_sign(text.as_bytes()), "{text}");
        }
        for text in ["select 'it''s", "insert into t values ('a\\nb')", ""] {
            assert!(!holds_sign(text.as_bytes()), "{text}");
        }
    }
}
