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

#[cfg(test)]
mod tests {
    use super::is_unsafe_encoding;

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
