//! Reports what a reload did, once: in the log, the metrics and the status.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tracing::{debug, error, info, warn};

use crate::config::Config;
use crate::observe::Metrics;
use crate::observe::values::{ReloadCause, ReloadResult, Reloaded};
use crate::serve::changes::{self, Change};
use crate::serve::error::BuildError;
use crate::serve::in_force::{InForce, Looked, Renewal};

/// What others see of reloads.
#[derive(Debug)]
pub(in crate::serve) struct Shown {
    /// The configuration in force.
    pub(in crate::serve) config: ArcSwap<Config>,
    /// The state of reloading.
    pub(in crate::serve) status: ArcSwap<ReloadStatus>,
}

/// The state of reloading, for people.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(in crate::serve) struct ReloadStatus {
    /// When something new last came into force; `None`: not since the start.
    pub(in crate::serve) applied_at: Option<Timestamp>,
    /// What is wrong with the files as they are now, so that the earlier version is in force.
    pub(in crate::serve) fault: Option<String>,
    /// Keys that wait for a restart.
    pub(in crate::serve) restart_pending: Vec<String>,
}

impl Shown {
    /// The state of a process that has just started with this configuration.
    pub(in crate::serve) fn new(config: &Config) -> Self {
        Self { config: ArcSwap::from_pointee(config.clone()), status: ArcSwap::default() }
    }
}

/// What is worth reporting of one reading of the files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Telling {
    /// Nothing, or nothing that was not reported before.
    Nothing,
    /// Nothing is new, and somebody asked.
    Unchanged,
    /// A mistake is gone, and the files are again what is in force.
    Mended,
    /// Something new is in force.
    Applied,
    /// Everything new waits for a restart, or no longer does.
    Pending,
    /// The files have a mistake.
    Refused,
}

/// What is worth reporting of a reading after the last one found `fault`, which becomes what this one finds.
fn telling_of<E: Display>(why: ReloadCause, looked: &Result<Looked, E>, fault: &mut Option<String>) -> Telling {
    match looked {
        Err(error) => {
            let found = error.to_string();
            let is_known = fault.replace(found.clone()) == Some(found);
            if is_known && why != ReloadCause::Sighup { Telling::Nothing } else { Telling::Refused }
        }
        Ok(Looked::Same) if fault.take().is_some() => Telling::Mended,
        Ok(Looked::Same) if why == ReloadCause::Sighup => Telling::Unchanged,
        Ok(Looked::Same | Looked::StillRefused) => Telling::Nothing,
        Ok(Looked::Renewed(renewal)) => {
            *fault = None;
            if renewal.keys.is_empty() && renewal.files.is_empty() { Telling::Pending } else { Telling::Applied }
        }
    }
}

/// Reports what reloads do.
#[derive(Debug)]
pub(super) struct Reports {
    metrics: Metrics,
    shown: Arc<Shown>,
    fault: Option<String>,
}

impl Reports {
    /// The reports of a process that has not reloaded yet.
    pub(super) fn new(metrics: Metrics, shown: Arc<Shown>) -> Self {
        for key in changes::restart_keys() {
            metrics.restart_pending(key, false);
        }
        Self { metrics, shown, fault: None }
    }

    /// Reports the result of reading the files. Returns it if it is worth a record: something new is in force, was refused, or is
    /// refused no longer.
    pub(super) fn tell(
        &mut self,
        why: ReloadCause,
        looked: &Result<Looked, BuildError>,
        in_force: &InForce,
    ) -> Option<ReloadResult> {
        let telling = telling_of(why, looked, &mut self.fault);
        log(telling, why, looked);
        if let Ok(Looked::Renewed(renewal)) = looked {
            self.shown.config.store(Arc::new(in_force.config().clone()));
            self.metrics.config_info(&in_force.config().version());
            self.pending(renewal, in_force.pending());
        }
        let result = match telling {
            Telling::Nothing => return None,
            Telling::Unchanged | Telling::Pending => ReloadResult::Unchanged,
            Telling::Mended => ReloadResult::Mended,
            Telling::Applied => ReloadResult::Applied,
            Telling::Refused => ReloadResult::Refused,
        };
        let now = Timestamp::now();
        self.metrics.reload(Reloaded::Config, result, now.as_duration().as_secs_f64());
        self.metrics.reload_is_good(self.fault.is_none());
        let mut status = ReloadStatus::clone(&self.shown.status.load());
        status.fault.clone_from(&self.fault);
        status.restart_pending = in_force.pending().iter().map(|change| change.key.to_string()).collect();
        if telling == Telling::Applied {
            status.applied_at = Some(now);
        }
        self.shown.status.store(Arc::new(status));
        Some(result).filter(|result| *result != ReloadResult::Unchanged)
    }

    /// There will be no reload any more: what is in force falls behind the files.
    pub(super) fn broken_off(&mut self) {
        let fault = "a reload broke off, and there will be none until the next start; see the log".to_owned();
        let mut status = ReloadStatus::clone(&self.shown.status.load());
        status.fault = Some(fault.clone());
        self.shown.status.store(Arc::new(status));
        self.fault = Some(fault);
        self.metrics.reload_is_good(false);
    }

    /// Names the keys that wait for a restart since now.
    fn pending(&self, renewal: &Renewal, pending: &[Change]) {
        for change in &renewal.newly_pending {
            warn!(key = %change.key, "changed in the configuration: takes effect at the next start");
        }
        let waiting: BTreeSet<&str> = pending.iter().map(|change| change.entry).collect();
        for key in changes::restart_keys() {
            self.metrics.restart_pending(key, waiting.contains(key));
        }
    }
}

fn log(telling: Telling, why: ReloadCause, looked: &Result<Looked, BuildError>) {
    match (telling, looked) {
        (Telling::Nothing, _) => debug!(%why, "nothing new in the files"),
        (Telling::Unchanged, _) => info!(%why, "nothing new in the files; everything stays in force"),
        (Telling::Mended, _) => info!("the files are good again, and say what is in force"),
        (Telling::Pending, _) => info!("the new configuration changes nothing before the next start"),
        (Telling::Applied, Ok(Looked::Renewed(renewal))) => {
            let keys = listed(renewal.keys.iter().map(|change| change.key.to_string()));
            let files = listed(renewal.files.iter().map(|file| file.display().to_string()));
            info!(%why, keys, files, "reloaded");
        }
        (Telling::Refused, Err(error)) => {
            error!(%why, %error, "reload refused; the old configuration, rules and facts stay in force");
        }
        (Telling::Applied | Telling::Refused, _) => {}
    }
}

/// The first few, and how many more there are; `None`: there is none.
fn listed(names: impl Iterator<Item = String>) -> Option<String> {
    const SHOWN: usize = 10;
    let names: Vec<String> = names.collect();
    if names.is_empty() {
        return None;
    }
    let more = names.len().saturating_sub(SHOWN);
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    Some(if more == 0 { first } else { format!("{first} and {more} more") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FlatKey;
    use crate::serve::changes::Need;

    /// What a row finds: the text of an error, or what a look came to.
    type Found = Result<Looked, &'static str>;

    fn applied() -> Looked {
        Looked::Renewed(Renewal { files: vec!["a.cedar".into()], ..Renewal::default() })
    }

    fn pending() -> Looked {
        let key = FlatKey { gate: None, path: "admin.listen".to_owned() };
        let change = Change { key, entry: "admin.listen", need: Need::Restart };
        Looked::Renewed(Renewal { newly_pending: vec![change], ..Renewal::default() })
    }

    #[test]
    fn everything_is_said_once() {
        let rows: &[(&str, &[(ReloadCause, Found, Telling)])] = &[
            (
                "nothing new",
                &[
                    (ReloadCause::Files, Ok(Looked::Same), Telling::Nothing),
                    (ReloadCause::Sighup, Ok(Looked::Same), Telling::Unchanged),
                ],
            ),
            (
                "new, then nothing",
                &[
                    (ReloadCause::Files, Ok(applied()), Telling::Applied),
                    (ReloadCause::Files, Ok(Looked::Same), Telling::Nothing),
                ],
            ),
            (
                "a restart is needed",
                &[
                    (ReloadCause::Files, Ok(pending()), Telling::Pending),
                    (ReloadCause::Files, Ok(Looked::Same), Telling::Nothing),
                ],
            ),
            (
                "broken, and again, and otherwise, and mended",
                &[
                    (ReloadCause::Files, Err("one"), Telling::Refused),
                    (ReloadCause::Files, Err("one"), Telling::Nothing),
                    (ReloadCause::Retry, Ok(Looked::StillRefused), Telling::Nothing),
                    (ReloadCause::Files, Err("other"), Telling::Refused),
                    (ReloadCause::Files, Ok(Looked::Same), Telling::Mended),
                    (ReloadCause::Files, Ok(Looked::Same), Telling::Nothing),
                    (ReloadCause::Files, Err("one"), Telling::Refused),
                ],
            ),
            (
                "broken, and asked about",
                &[
                    (ReloadCause::Files, Err("one"), Telling::Refused),
                    (ReloadCause::Sighup, Err("one"), Telling::Refused),
                ],
            ),
            (
                "broken, then new",
                &[
                    (ReloadCause::Files, Err("one"), Telling::Refused),
                    (ReloadCause::Files, Ok(applied()), Telling::Applied),
                    (ReloadCause::Sighup, Ok(Looked::Same), Telling::Unchanged),
                ],
            ),
        ];
        for (name, looks) in rows {
            let mut fault = None;
            for (number, (why, found, want)) in looks.iter().enumerate() {
                assert_eq!(telling_of(*why, found, &mut fault), *want, "{name}, look {number}");
            }
        }
    }

    #[test]
    fn a_reload_that_broke_off_shows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rolegate.toml");
        let gate = "[[gate]]\nname = \"g\"\nlisten = \"127.0.0.1:0\"\n[gate.upstream]\naddress = \"h:1\"\n";
        std::fs::write(&path, gate).unwrap();
        let shown = Arc::new(Shown::new(&Config::load(&path).unwrap()));
        let metrics = Metrics::new();
        let mut reports = Reports::new(metrics.clone(), Arc::clone(&shown));
        let is_good = || metrics.render().contains("\nrolegate_config_last_reload_successful 1\n");
        assert!(is_good() && shown.status.load().fault.is_none());
        reports.broken_off();
        assert!(!is_good() && shown.status.load().fault.is_some());
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(std::iter::empty()), None);
        assert_eq!(listed(["a", "b"].map(str::to_owned).into_iter()).unwrap(), "a, b");
        assert!(listed((0..25).map(|number| number.to_string())).unwrap().ends_with("9 and 15 more"));
    }
}
