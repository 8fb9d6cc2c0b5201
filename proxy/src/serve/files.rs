//! Watches the files that a configuration names. Whether an event matters is decided by reading the files afterwards:
//! only events that cannot matter are dropped here, since reading opens files and must not cause another reading.

mod places;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::config::Config;
use crate::serve::files::places::Places;

/// Editors and deployments write files in several steps; the files are read once nothing has happened for this long.
const QUIET: Duration = Duration::from_millis(500);

/// The longest to wait for files that never come to rest.
const LONGEST: Duration = Duration::from_secs(5);

/// Signals that something happened; one signal stands for any number of events.
#[derive(Debug)]
pub(super) struct Events(mpsc::Receiver<()>);

impl Events {
    /// Resolves when something has happened and files are at rest again, or have not come to rest for long. Cancel safe but for
    /// events that came already: look at the files in their place. Never resolves when nothing is watched.
    pub(super) async fn settled(&mut self) {
        if self.0.recv().await.is_none() {
            return std::future::pending().await;
        }
        let latest = Instant::now() + LONGEST;
        while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET), self.0.recv()).await {}
    }
}

/// Watches the folders in which a configuration's files are.
#[derive(Debug)]
pub(super) struct FileWatch {
    watcher: RecommendedWatcher,
    places: Arc<ArcSwap<Places>>,
}

impl FileWatch {
    /// Starts watching.
    ///
    /// # Errors
    /// The operating system cannot watch files.
    pub(super) fn start(config: &Config) -> notify::Result<(Self, Events)> {
        let (happened, events) = mpsc::channel(1);
        let places: Arc<ArcSwap<Places>> = Arc::default();
        let known = Arc::clone(&places);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An event without paths may concern any file.
            let matters = event.map_or(true, |event| matters(&event, &known.load()));
            if matters && happened.try_send(()).is_err() {
                debug!("files are about to be looked at already");
            }
        })?;
        let mut watch = Self { watcher, places };
        watch.follow(config);
        Ok((watch, Events(events)))
    }

    /// Watches what this configuration names, in place of what was watched before. Whether all of it can be: a folder that is not there
    /// cannot tell when it comes.
    pub(super) fn follow(&mut self, config: &Config) -> bool {
        let fresh = Places::of(config);
        let old = self.places.swap(Arc::new(fresh.clone()));
        for gone in old.folders().difference(fresh.folders()) {
            // It may be gone from the disk too.
            if let Err(error) = self.watcher.unwatch(gone) {
                debug!(folder = %gone.display(), %error, "not watched any more");
            }
        }
        let mut is_whole = fresh.is_whole();
        // Those that were watched before too: a folder that was replaced by another of its name is a new one.
        for folder in fresh.folders() {
            is_whole &= self.watch(folder);
        }
        is_whole
    }

    fn watch(&mut self, folder: &Path) -> bool {
        let watched = self.watcher.watch(folder, RecursiveMode::NonRecursive);
        watched.inspect_err(|error| debug!(folder = %folder.display(), %error, "cannot be watched")).is_ok()
    }
}

/// Whether an event may mean that the content of a named file changed.
fn matters(event: &Event, places: &Places) -> bool {
    event.need_rescan() || (changes_content(event.kind) && event.paths.iter().any(|path| places.hold(path)))
}

/// Whether an event of this kind may follow from another content: a file is there, closed after writing, renamed or gone. Reading, and
/// changes of times or rights, are none; what is written counts when the file is closed.
fn changes_content(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::Create(_)
            | EventKind::Remove(_)
            | EventKind::Modify(ModifyKind::Name(_))
            | EventKind::Access(AccessKind::Close(AccessMode::Write))
    )
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, DataChange, Flag, MetadataKind, RemoveKind, RenameMode};

    use super::*;

    #[test]
    fn events_that_follow_from_reading_are_none() {
        let rows = [
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Read), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), false),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), false),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), true),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::To)), true),
            (EventKind::Modify(ModifyKind::Name(RenameMode::From)), true),
            (EventKind::Remove(RemoveKind::File), true),
        ];
        for (kind, want) in rows {
            assert_eq!(changes_content(kind), want, "{kind:?}");
        }
    }

    #[test]
    fn events_of_other_files_are_none_but_for_those_that_were_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        std::fs::write(
            &path,
            "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:5439\"\n[gate.upstream]\naddress = \"localhost:5440\"\n",
        )
        .unwrap();
        let places = Places::of(&Config::load(&path).unwrap());
        let written = |path| Event::new(EventKind::Access(AccessKind::Close(AccessMode::Write))).add_path(path);
        let real = folder.path().canonicalize().unwrap();
        assert!(matters(&written(real.join("rolegate.toml")), &places));
        assert!(!matters(&written(real.join("audit.jsonl")), &places));
        assert!(matters(&Event::new(EventKind::Other).set_flag(Flag::Rescan), &places));
    }

    /// Milliseconds at which something happens; those at which files count as at rest.
    #[tokio::test(start_paused = true)]
    async fn files_are_looked_at_when_they_are_at_rest() {
        let steady: Vec<u64> = (0..70).map(|tenth| tenth * 100).collect();
        let rows: &[(&str, &[u64], &[u128])] = &[
            ("nothing", &[], &[]),
            ("one event", &[100], &[600]),
            ("several steps", &[100, 500, 900], &[1400]),
            ("two changes", &[100, 2000], &[600, 2500]),
            ("files that never rest", &steady, &[5000, 7400]),
        ];
        for (name, happens, want) in rows {
            let (happened, events) = mpsc::channel(1);
            let (began, mut events) = (Instant::now(), Events(events));
            let happens = happens.to_vec();
            tokio::spawn(async move {
                for at in happens {
                    tokio::time::sleep_until(began + Duration::from_millis(at)).await;
                    _ = happened.try_send(());
                }
                std::future::pending::<()>().await;
            });
            let mut found = Vec::new();
            while timeout_at(began + Duration::from_secs(20), events.settled()).await.is_ok() {
                found.push(began.elapsed().as_millis());
            }
            assert_eq!(&found, want, "{name}");
        }
    }
}
