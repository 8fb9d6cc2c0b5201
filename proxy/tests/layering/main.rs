//! How the crate is laid out: rooms stand in one order, files name each other in no circle, a foreign crate stays in its room,
//! pure rooms do no I/O, a type's name is given once, files and functions are short, every dependency is used.
//! `cargo test --test layering -- --nocapture` shows circles and figures.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what is wrong by failing"
)]

mod circles;
mod dependencies;
mod names;
mod pages;
mod rooms;
mod sizes;
mod tree;
mod tree_tests;
mod unbuilt;
mod visit;

use std::path::Path;
use std::sync::LazyLock;

use tree::Tree;

/// The crate, read once.
static TREE: LazyLock<Tree> = LazyLock::new(|| Tree::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));
