//! The order of the rooms, the homes of foreign crates, and what pure rooms do without.

use std::collections::BTreeSet;

use crate::TREE;
use crate::circles::{Edges, circles, describe, edges};
use crate::tree::{File, Reference};

const ORDER: [&str; 19] = [
    "net", "wire", "sql", "history", "chain", "iam", "rules", "catalog", "gate", "observe", "admin", "config",
    "replay", "learn", "survey", "coverage", "session", "serve", "cli",
];

/// Crates whose types stand in no other room's code.
const AT_HOME: [(&str, &[&str]); 22] = [
    ("aws_config", &["iam"]),
    ("axum", &["admin"]),
    ("cedar_policy", &["rules"]),
    ("clap", &["cli"]),
    ("figment", &["config"]),
    ("flate2", &["observe", "cli", "history", "iam"]),
    ("futures_core", &["admin"]),
    ("hyper", &["admin"]),
    ("hyper_util", &["admin"]),
    ("moka", &["gate", "iam"]),
    ("notify", &["serve"]),
    ("pgwire", &["wire"]),
    ("prometheus", &["observe"]),
    ("rand_core", &["observe"]),
    ("rustls", &["net"]),
    ("signed_note", &["observe"]),
    ("sqlparser", &["sql"]),
    ("tlog_tiles", &["observe"]),
    ("tokio_postgres", &["serve"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["observe"]),
    ("utoipa", &["admin"]),
];

/// What opens, reads or writes something outside the process, or tells of it: no pure room names a path that begins so.
const IO: [&str; 13] = [
    "axum",
    "std::env",
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os",
    "std::process",
    "std::time::SystemTime::now",
    "tokio::fs",
    "tokio::net",
    "tracing",
];

/// Rooms, and parts of rooms, whose values depend on their arguments alone. What awaits bytes from a stream that it was handed
/// (`wire`) opens none itself.
const PURE: [&str; 8] = ["wire", "sql", "chain", "iam", "rules", "catalog", "gate", "coverage"];

/// Parts of pure rooms that read files or go on in the background.
const NOT_PURE: [(&str, &str); 3] = [
    ("iam/facts/read/file.rs", "reads the snapshot files"),
    ("iam/live", "keeps facts fresh in the background, and logs where it cannot"),
    ("rules/load.rs", "reads the files of the rules"),
];

fn room(file: &File) -> &str {
    file.module.first().map_or("lib", String::as_str)
}

fn place(room: &str) -> Option<usize> {
    ORDER.iter().position(|known| *known == room)
}

fn at(reference: &Reference) -> String {
    format!("src/{}:{}", TREE.file_of(&reference.module).name, reference.line)
}

/// Every reference out of the crate whose file is in one of the rooms, or not in one, with its whole path.
fn foreign_names(is_watched: impl Fn(&File) -> bool) -> Vec<(&'static Reference, String)> {
    let watched = TREE.references.iter().filter(|reference| is_watched(TREE.file_of(&reference.module)));
    watched.filter_map(|reference| Some((reference, TREE.foreign(reference)?.join("::")))).collect()
}

fn begins_with(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn the_library_lists_the_rooms_in_their_order() {
    let library = &TREE.files.iter().find(|file| file.name == "lib.rs").unwrap().text;
    let listed = library.lines().filter_map(|line| Some(line.split_once("mod ")?.1.split_once(';')?.0));
    assert_eq!(listed.collect::<Vec<_>>(), ORDER);
}

#[test]
fn the_page_of_the_architecture_describes_every_room_in_the_same_order() {
    let page = include_str!("../../../docs/architecture.md");
    let table = page.split_once("## Rooms").unwrap().1.split_once("\n## ").unwrap().0;
    let rooms = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    assert_eq!(rooms.map(|(room, _)| room).collect::<Vec<_>>(), ORDER);
}

#[test]
fn rooms_name_only_earlier_rooms() {
    let mut wrong = BTreeSet::new();
    for reference in &TREE.references {
        let from = room(TREE.file_of(&reference.module));
        let Some(to) = TREE.room(reference) else { continue };
        if place(from) < place(&to) && from != "lib" {
            wrong.insert(format!("{} in {from} names {to}", at(reference)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn foreign_crates_stay_at_home() {
    for (name, homes) in AT_HOME {
        let strangers = foreign_names(|file| !homes.contains(&room(file)));
        let wrong: Vec<_> = strangers.iter().filter(|(_, path)| begins_with(path, name)).collect();
        assert!(wrong.is_empty(), "the crate {name} is at home in {homes:?}: {wrong:#?}");
        let at_home = foreign_names(|file| homes.contains(&room(file)));
        let is_used = at_home.iter().any(|(_, path)| begins_with(path, name));
        assert!(is_used, "no room names {name}; has it moved out?");
    }
}

#[test]
fn pure_rooms_do_no_io() {
    let is_exception = |file: &File| NOT_PURE.iter().any(|(path, _)| file.name.starts_with(path));
    let is_pure = |file: &File| PURE.contains(&room(file)) && !is_exception(file) && !file.is_test;
    let named = foreign_names(is_pure);
    let is_io = |path: &str| IO.iter().any(|prefix| begins_with(path, prefix));
    let wrong = named.iter().filter(|(reference, path)| !reference.is_test && is_io(path));
    let wrong: Vec<_> = wrong.map(|(reference, path)| format!("{} names {path}", at(reference))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_name_each_other_in_no_circle() {
    let edges: Edges = edges(&TREE);
    let found: Vec<_> = circles(&edges).iter().map(|circle| describe(&edges, circle)).collect();
    assert!(found.is_empty(), "a circle:\n{}", found.join("\na circle:\n"));
}
