//! Client encodings in which a byte below 0x80 can be part of another character, so that the server's lexer, which sees the
//! converted text, finds other quotes and backslashes than the gate's.

use crate::sql::signs::holds_sign;

/// Such encodings and their aliases, without punctuation. Source: PostgreSQL documentation, "Character Set Support";
/// `src/common/encnames.c`.
const UNSAFE: [&str; 20] = [
    "sjis",
    "shiftjis",
    "mskanji",
    "win932",
    "windows932",
    "shiftjis2004",
    "big5",
    "win950",
    "windows950",
    "gbk",
    "win936",
    "windows936",
    "uhc",
    "win949",
    "windows949",
    "gb18030",
    "johab",
    "cp932",
    "cp936",
    "cp950",
];

/// Whether `name` is such an encoding. Case and punctuation do not count, as in `pg_char_to_encoding`.
#[must_use]
pub fn is_unsafe_encoding(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect();
    UNSAFE.contains(&plain.as_str())
}

/// Whether the `options` of a StartupMessage, `-c name=value` or `--name=value`, ask for such an encoding. Source:
/// PostgreSQL, `src/backend/tcop/postgres.c`, `process_postgres_switches`; a `-` in a name stands for `_`.
#[must_use]
pub fn options_ask_for_unsafe_encoding(options: &str) -> bool {
    let plain = options.to_ascii_lowercase().replace('\\', "").replace('-', "_");
    let mut values = plain.split("client_encoding").skip(1);
    values.any(|rest| {
        is_unsafe_encoding(rest.trim_start_matches([' ', '=']).split_whitespace().next().unwrap_or_default())
    })
}

/// Whether a text that names credentials may read otherwise in an unsafe encoding. What can be the second half of a character there
/// lies from `0` to `~`; of that, only a backslash behind a byte beyond ASCII can move where a literal ends, and, since two codes can be
/// one character, a byte beyond ASCII in the tag of a dollar quote. Source: the mappings in PostgreSQL's `src/backend/utils/mb/Unicode`.
#[must_use]
pub fn reads_by_encoding(text: &[u8]) -> bool {
    let is_beyond = |byte: &u8| !byte.is_ascii();
    let before = |at: usize| at.checked_sub(1).and_then(|before| text.get(before)).is_some_and(is_beyond);
    let tag = |at: usize| {
        let rest = text.get(at..).unwrap_or_default().iter().skip(1);
        rest.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_' || is_beyond(byte)).any(is_beyond)
    };
    !text.is_ascii()
        && (memchr::memchr_iter(b'\\', text).any(before) || memchr::memchr_iter(b'$', text).any(tag))
        && holds_sign(text)
}

#[cfg(test)]
mod tests {
    use super::{is_unsafe_encoding, options_ask_for_unsafe_encoding, reads_by_encoding};

    #[test]
    fn texts_that_depend_on_the_encoding() {
        let rows: &[(&[u8], bool)] = &[
            (b"select '\x81\\' iam_role '", true),
            (b"select $\x81\xca$ iam_role $\x81\xca$", true),
            (b"select $a\xca$ iam_role", true),
            (b"select '\x81\\'", false),
            ("copy été from 's3://é/' iam_role 'x' delimiter '\\t'".as_bytes(), false),
            ("copy t from 's3://é' iam_role $$x$$".as_bytes(), false),
            (b"select '\\' iam_role '", false),
        ];
        for (text, want) in rows {
            assert_eq!(reads_by_encoding(text), *want, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn options() {
        for text in ["-c client_encoding=sjis", "-c geqo=off --client-encoding=GBK -c x=y", "-cclient_encoding=big5"] {
            assert!(options_ask_for_unsafe_encoding(text), "{text}");
        }
        for text in ["", "-c client_encoding=utf8", "-c search_path=sjis"] {
            assert!(!options_ask_for_unsafe_encoding(text), "{text}");
        }
    }

    #[test]
    fn names() {
        for name in ["GBK", "Shift_JIS", "'SJIS'", "gb18030", "Big-5", "UHC", "johab"] {
            assert!(is_unsafe_encoding(name), "{name}");
        }
        for name in ["UTF8", "UNICODE", "utf-8", "LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252", "default", ""] {
            assert!(!is_unsafe_encoding(name), "{name}");
        }
    }
}
