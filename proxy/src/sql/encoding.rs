//! Client encodings in which a byte below 0x80 can be part of another character, so that the server's lexer, which sees the
//! converted text, finds other quotes and backslashes than the gate's.

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

#[cfg(test)]
mod tests {
    use super::{is_unsafe_encoding, options_ask_for_unsafe_encoding};

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
