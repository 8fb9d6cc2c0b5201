//! Tells the program what it is built from: `ROLEGATE_VERSION` (`0.1.0 (1a2b3c4d5e6f)`), `ROLEGATE_COMMIT` and `ROLEGATE_RUSTC`.
//!
//! The commit is that of the variable `ROLEGATE_COMMIT`, of the file that `cargo package` leaves in a crate, or of the repository,
//! whichever is there first. Debug builds do not ask the repository: each commit would build everything anew. The Makefile does, for those
//! who build with it.
//!
//! Lists the files of the built console for `src/admin/site.rs`; without them the gate says how to build it.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// As many digits of a commit as are shown.
const DIGITS: usize = 12;

fn main() -> io::Result<()> {
    let mut cargo = io::stdout().lock();
    writeln!(cargo, "cargo::rerun-if-changed=build.rs")?;
    writeln!(cargo, "cargo::rerun-if-env-changed=ROLEGATE_COMMIT")?;
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if is_release && let Some(log) = git(&folder, &["rev-parse", "--path-format=absolute", "--git-path", "logs/HEAD"]) {
        writeln!(cargo, "cargo::rerun-if-changed={log}")?;
    }
    let commit = given().or_else(|| packaged(&folder)).or_else(|| if is_release { checked_out(&folder) } else { None });
    let built = match (&commit, is_release) {
        (Some(commit), true) => format!(" ({commit})"),
        (Some(commit), false) => format!(" ({commit}, debug build)"),
        (None, true) => String::new(),
        (None, false) => " (debug build)".to_owned(),
    };
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    writeln!(cargo, "cargo::rustc-env=ROLEGATE_VERSION={version}{built}")?;
    writeln!(cargo, "cargo::rustc-env=ROLEGATE_COMMIT={}", commit.as_deref().unwrap_or("unknown"))?;
    writeln!(cargo, "cargo::rustc-env=ROLEGATE_RUSTC={}", compiler().as_deref().unwrap_or("unknown"))?;
    // The folder is always there, so that a console that is built later is seen.
    writeln!(cargo, "cargo::rerun-if-changed=console/dist")?;
    list_console(&Path::new(&folder).join("console/dist"))
}

/// Writes the list of the console's files, and beside it copies of them: they hold still while the console is built again.
fn list_console(console: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    if console.join("index.html").is_file() {
        collect(console, &mut files)?;
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut list = String::from("/// The files of the console.\nconst SITE_FILES: &[SiteFile] = &[\n");
    for file in &files {
        let path = file.strip_prefix(console).map_err(io::Error::other)?;
        let copy = out.join("site").join(path);
        fs::create_dir_all(copy.parent().unwrap_or(&out))?;
        fs::copy(file, &copy)?;
        let (kind, path) = (content_type(file), path.to_string_lossy());
        let bytes = format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/site/{path}\"))");
        writeln!(list, "    SiteFile {{ path: \"/{path}\", content_type: {kind:?}, bytes: {bytes} }},")
            .map_err(io::Error::other)?;
    }
    list.push_str("];\n");
    fs::write(out.join("site_files.rs"), list)
}

/// The commit that whoever builds says, whole: it may end in `-dirty`.
fn given() -> Option<String> {
    env::var("ROLEGATE_COMMIT").ok().filter(|commit| !commit.is_empty())
}

/// The commit that a crate was packaged from. Source: The Cargo Book, "cargo package", `.cargo_vcs_info.json`.
fn packaged(folder: &str) -> Option<String> {
    let text = fs::read_to_string(Path::new(folder).join(".cargo_vcs_info.json")).ok()?;
    let (_, after) = text.split_once("\"sha1\"")?;
    after.split('"').nth(1).map(short)
}

/// The commit that is checked out, if the repository is the one that this file belongs to and not one that somebody keeps a copy in.
fn checked_out(folder: &str) -> Option<String> {
    git(folder, &["ls-files", "--error-unmatch", "build.rs"])?;
    git(folder, &["rev-parse", "HEAD"]).map(|commit| short(&commit))
}

fn git(folder: &str, arguments: &[&str]) -> Option<String> {
    first_line(Command::new("git").current_dir(folder).args(arguments))
}

/// The compiler's version, such as `1.95.0`.
fn compiler() -> Option<String> {
    let line = first_line(Command::new(env::var_os("RUSTC")?).arg("--version"))?;
    line.split_whitespace().nth(1).map(str::to_owned)
}

fn first_line(command: &mut Command) -> Option<String> {
    let done = command.output().ok().filter(|done| done.status.success())?;
    let text = String::from_utf8(done.stdout).ok()?;
    text.lines().next().map(str::to_owned)
}

fn short(commit: &str) -> String {
    commit.chars().take(DIGITS).collect()
}

/// The files below a folder, hidden ones left out.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        match () {
            () if is_hidden => {}
            () if path.is_dir() => collect(&path, files)?,
            () => files.push(path),
        }
    }
    Ok(())
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "webmanifest") => "application/json",
        _ => "application/octet-stream",
    }
}
