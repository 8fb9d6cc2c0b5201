//! Secrets planted in statements of every shape, whole, broken and in other dialects: none of them shows in what `rolegate check`
//! prints in any format. `ROLEGATE_PROPERTY_CASES` sets how many.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test says what is wrong by failing")]

use std::io::Write;
use std::process::{Command, Stdio};

/// A small generator, so that a case is its number: splitmix64.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        let place = self.below(choices.len());
        choices.get(place).copied().unwrap_or_default()
    }

    fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let letters: Vec<&str> = alphabet.split("").filter(|letter| !letter.is_empty()).collect();
        (0..count).map(|_| self.pick(&letters)).collect()
    }
}

const CAPITALS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+";

/// A name, what may stand between it and its value, and the value in quotes or without.
fn pair(dice: &mut Dice, name: &str, value: &str) -> String {
    let name: String =
        name.chars().map(|letter| if dice.below(2) == 0 { letter.to_ascii_uppercase() } else { letter }).collect();
    let (before, after) = match dice.below(8) {
        0 => ("\"", "\""),
        1 => ("$$", "$$"),
        2 => ("$q$", "$q$"),
        3 => ("\u{201c}", "\u{201d}"),
        4 => ("''", "''"),
        5 => ("E'", "'"),
        _ => ("'", "'"),
    };
    let between = dice.pick(&[" ", " = ", "=", "\n", " /* x */ ", " -- y\n", " as ", ": ", " => ", "\t"]);
    format!("{name}{between}{before}{value}{after}")
}

struct Planted {
    text: String,
    secrets: Vec<String>,
}

fn planted(dice: &mut Dice) -> Planted {
    let id = dice.pick(&["AKIA", "ASIA"]).to_owned() + &dice.letters(CAPITALS, 16);
    let key = dice.letters(BASE64, 40);
    let token = dice.letters(BASE64, 160);
    let word = format!("pw{}", dice.letters(CAPITALS, 12));
    let (text, secrets) = match dice.below(8) {
        0 => (
            format!(
                "copy t from 's3://b' {} {} {}",
                pair(dice, "access_key_id", &id),
                pair(dice, "secret_access_key", &key),
                pair(dice, "session_token", &token)
            ),
            vec![id, key, token],
        ),
        1 => {
            let separator = dice.pick(&[";", "; ", ";\n"]);
            let quote = dice.pick(&["'", "\"", ""]);
            (
                format!(
                    "unload ('select 1') to 's3://b' credentials {quote}aws_access_key_id={id}{separator}aws_secret_access_key={key};token={token}{quote}"
                ),
                vec![id, key, token],
            )
        }
        2 => (
            format!(
                "copy into t from x credentials=({} {})",
                pair(dice, "aws_key_id", &id),
                pair(dice, "aws_secret_key", &key)
            ),
            vec![id, key],
        ),
        3 => (format!("copy t from 's3n://{id}:{key}@bucket/p' csv"), vec![id, key]),
        4 => {
            let name = dice.pick(&["create user u password", "alter user u password", "create user u identified by"]);
            (pair(dice, name, &word), vec![word])
        }
        5 => (
            format!("call load({}, {})", pair(dice, "secret_key", &key), pair(dice, "client_secret", &word)),
            vec![key, word],
        ),
        6 => (
            format!(
                "create identity provider i type azure namespace 'n' parameters '{{\"issuer\":\"x\", {}}}'",
                pair(dice, "\"client_secret\"", &word)
            ),
            vec![word],
        ),
        _ => (format!("select '{id}' /* {} */", pair(dice, "aws_secret_access_key", &key)), vec![id, key]),
    };
    Planted { text: mutated(dice, text), secrets }
}

/// The text broken, wrapped or beside others; names and values stay whole.
fn mutated(dice: &mut Dice, text: String) -> String {
    match dice.below(10) {
        0 => format!("' {text}"),
        1 => format!("{text} '"),
        2 => format!("iam_role 'x'; {text}; copy t from 's3://b' iam_role default"),
        3 => format!("create procedure p() as $body$ begin {text}; end $body$ language plpgsql"),
        4 => format!("frobnicate credentials {text}"),
        5 => format!("{text} /* unterminated"),
        6 => format!("copy t from 's3://b' null as '\\' iam_role 'x' {text}"),
        7 => format!("with x as (select 1) {text} iam_role 'arn:aws:iam::123456789012:role/R'"),
        _ => text,
    }
}

fn check(input: &str, format: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_rolegate"))
        .args(["check", "--format", format, "--input", "jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn no_secret_is_shown() {
    let cases: u64 =
        std::env::var("ROLEGATE_PROPERTY_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(4_000);
    let planted: Vec<Planted> = (0..cases).map(|case| planted(&mut Dice(case))).collect();
    let lines = planted.iter().enumerate().map(|(id, one)| serde_json::json!({"id": id, "sql": one.text}).to_string());
    let input = lines.collect::<Vec<_>>().join("\n");
    for format in ["json", "human", "sarif"] {
        let shown = check(&input, format);
        assert!(!shown.is_empty());
        for one in &planted {
            for secret in &one.secrets {
                assert!(!shown.contains(secret.as_str()), "{format} shows {secret} of: {}", one.text);
            }
        }
    }
    println!("no secret of {cases} texts is shown");
}
