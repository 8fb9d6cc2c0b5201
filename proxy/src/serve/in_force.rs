//! What the gates run on, and how a newer version replaces it: all of it, or nothing. Reads and checks files,
//! which may take long, so it runs on a thread that may block.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tracing::debug;

use crate::config::Config;
use crate::gate::policy::{ClusterGroups, Policy};
use crate::iam::Live;
use crate::observe::audit::event::ReloadEvent;
use crate::observe::audit::{AuditEvent, NewAudit};
use crate::observe::logging::{self, LogFilter};
use crate::observe::values::{ReloadCause, ReloadResult};
use crate::observe::{Audit, Metrics};
use crate::serve::changes::{self, Change, Need};
use crate::serve::error::BuildError;
use crate::serve::gates::{self, Gates};
use crate::serve::inputs::{self, Contents};
use crate::serve::known::WarnedNames;
use crate::serve::load::{Loaded, Stale};
use crate::serve::{audit, policy, settings};
use crate::session::service::Settings;

/// How often it is looked whether statements that are being judged by an old policy are through with it, and how many times.
const LETTING_GO: (Duration, usize) = (Duration::from_millis(10), 500);

/// What a newer version is applied to.
#[derive(Debug)]
pub(super) struct RunningGates {
    pub(super) gates: Arc<Gates>,
    pub(super) live: Option<Arc<Live>>,
    pub(super) metrics: Metrics,
    pub(super) audit: Audit,
}

impl RunningGates {
    /// Writes down what a reload came to.
    pub(super) fn record_reload(&self, result: ReloadResult, why: ReloadCause, error: Option<&BuildError>) {
        let policies = self.gates.services().iter();
        let policies = policies.map(|service| (service.name.clone(), service.gate.policy().version().to_owned()));
        self.audit.record(AuditEvent::Reload(Box::new(ReloadEvent {
            result,
            why,
            error: error.map(ToString::to_string),
            policies: policies.collect(),
        })));
    }
}

/// What the gates run on.
#[derive(Debug)]
pub(super) struct InForce {
    config: Config,
    contents: Contents,
    loaded: Loaded,
    warned: WarnedNames,
    /// Keys whose written value waits for a restart.
    pending: Vec<Change>,
    /// What was refused last, so that it is not tried again and again.
    refused: Option<(Config, Contents)>,
}

/// The result of reading the files.
#[derive(Debug)]
pub(super) enum Looked {
    /// They hold what is in force.
    Same,
    /// They still hold what was refused before.
    StillRefused,
    /// They hold something new, which is now in force as far as possible.
    Renewed(Renewal),
}

/// What a newer version changed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Renewal {
    /// Keys whose new value is in force.
    pub(super) keys: Vec<Change>,
    /// Files beside the configuration whose content changed.
    pub(super) files: Vec<PathBuf>,
    /// Keys that wait for a restart since now.
    pub(super) newly_pending: Vec<Change>,
}

/// A newer version that could be loaded.
struct Fresh {
    policies: Vec<Policy>,
    settings: Vec<Option<Settings>>,
    loaded: Loaded,
    audit: Option<NewAudit>,
    log: Option<LogFilter>,
}

impl InForce {
    /// What was loaded from this configuration. What its files hold is read before they are loaded: a change in between shows later.
    pub(super) fn new(config: Config, contents: Contents, loaded: Loaded, warned: WarnedNames) -> Self {
        Self { config, contents, loaded, warned, pending: Vec::new(), refused: None }
    }

    /// The configuration in force: what is written, but for what waits for a restart.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The keys that wait for a restart.
    pub(super) fn pending(&self) -> &[Change] {
        &self.pending
    }

    /// Reads all files, and applies what is new in them. With `again`, what was refused before is tried once more.
    ///
    /// # Errors
    /// [`BuildError`]; nothing is changed then.
    pub(super) fn look(&mut self, running: &RunningGates, again: bool) -> Result<Looked, BuildError> {
        let written = Config::load(self.config.source())?;
        let wanted = changes::applicable(&written, &self.config);
        let contents = Contents::read(&wanted, &self.contents, Timestamp::now());
        let keys = changes::between(&self.config, &wanted);
        let pending = changes::between(&wanted, &written);
        let differing = self.contents.differing(&contents);
        if keys.is_empty() && differing.is_empty() && pending == self.pending {
            if self.contents.were_written_since(&contents, &inputs::facts(&wanted)) {
                self.renew_ages(running)?;
            }
            (self.contents, self.refused) = (contents, None);
            return Ok(Looked::Same);
        }
        let is_refused =
            |(refused, held): &(Config, Contents)| *refused == written && held.differing(&contents).is_empty();
        if !again && self.refused.as_ref().is_some_and(is_refused) {
            return Ok(Looked::StillRefused);
        }
        let fresh = match self.build(&wanted, &keys, &differing, running) {
            Ok(fresh) => fresh,
            Err(error) => {
                self.refused = Some((written, contents));
                return Err(error);
            }
        };
        let files = differing.into_iter().map(Path::to_owned).collect();
        let newly_pending = pending.iter().filter(|change| !self.pending.contains(change)).cloned().collect();
        let old = self.apply(wanted, fresh, running);
        (self.contents, self.pending, self.refused) = (contents, pending, None);
        self.let_go(&old);
        Ok(Looked::Renewed(Renewal { keys, files, newly_pending }))
    }

    /// A snapshot that was taken again and says the same is younger: so are the facts, and nothing else is new.
    fn renew_ages(&mut self, running: &RunningGates) -> Result<(), BuildError> {
        let loaded = self.loaded.renewed(&self.config, Stale { facts: true, ..Stale::default() })?;
        if let Some(facts) = loaded.facts(&self.config, running.live.as_deref()) {
            for service in running.gates.services() {
                running.gates.exchange(service, |policy| policy.with_facts(&facts));
            }
        }
        if let Some(live) = &running.live {
            live.set_base(Arc::clone(&loaded.base));
            live.tell();
        }
        self.loaded = loaded;
        Ok(())
    }

    /// Loads what differs.
    fn build(
        &self,
        config: &Config,
        keys: &[Change],
        files: &BTreeSet<&Path>,
        running: &RunningGates,
    ) -> Result<Fresh, BuildError> {
        let loaded = self.loaded.renewed(config, stale(config, keys, files))?;
        let facts = loaded.facts(config, running.live.as_deref());
        let policies = config.gate.iter().map(|gate| policy::of(config, gate, &loaded, facts.as_ref()));
        let policies = policies.collect::<Result<_, BuildError>>()?;
        let renewed = gates_with_new_settings(config, keys, files);
        let settings = config
            .gate
            .iter()
            .map(|gate| renewed.contains(gate.name.as_str()).then(|| settings::of(config, gate)).transpose());
        let settings = settings.collect::<Result<_, BuildError>>()?;
        let log = needs(keys, Need::Log).then(|| logging::filter(&config.log.level)).transpose()?;
        let has_new_key = inputs::audit_key(config).is_some_and(|key| files.contains(key));
        let audit = (has_new_key || needs(keys, Need::Audit)).then(|| -> Result<NewAudit, BuildError> {
            let settings = audit::settings(config)?;
            running.audit.prepare(settings).map_err(audit::unwritable(&config.audit.path))
        });
        Ok(Fresh { policies, settings, loaded, audit: audit.transpose()?, log })
    }

    /// Puts in force what was loaded, which cannot fail. Returns what was shared before.
    fn apply(&mut self, config: Config, fresh: Fresh, running: &RunningGates) -> Loaded {
        let cache = gates::cache(&config);
        let has_new_cache = gates::cache(&self.config) != cache;
        let parts = fresh.policies.into_iter().zip(fresh.settings);
        for (gate, (policy, settings)) in config.gate.iter().zip(parts) {
            let Some(service) = running.gates.service(&gate.name) else { continue };
            let reads_groups = gate.catalog.is_some();
            running.gates.exchange(service, |old| {
                let catalog = if reads_groups { Arc::clone(old.stored().catalog()) } else { Arc::default() };
                let stored = policy.stored().with_catalog(catalog);
                policy.with_catalog(groups_after(old.catalog(), reads_groups)).with_stored(stored)
            });
            if let Some(settings) = settings {
                service.settings.store(Arc::new(settings));
            }
            if has_new_cache {
                let metrics = running.metrics.clone();
                service.gate.resize(cache, move |cause| metrics.cache_evicted(cause));
            }
        }
        if let Some(live) = &running.live {
            live.set_base(Arc::clone(&fresh.loaded.base));
            // What AWS told in the meantime stands on the old files still.
            live.tell();
        }
        if let Some(filter) = fresh.log {
            logging::set_filter(filter);
        }
        if let Some(audit) = fresh.audit {
            running.audit.renew(audit);
        }
        self.config = config;
        self.warned.warn(&self.config, &fresh.loaded.rules, &fresh.loaded.base);
        std::mem::replace(&mut self.loaded, fresh.loaded)
    }

    /// Waits until nobody uses what was in force, so that the memory of a large policy is given back here and not by a worker, whose
    /// sessions would wait for it.
    fn let_go(&self, old: &Loaded) {
        let (pause, times) = LETTING_GO;
        for _ in 0..times {
            if old.is_free_beside(&self.loaded) {
                return;
            }
            thread::sleep(pause);
        }
        debug!("the policy that was in force is used still, and whoever lets go of it last gives back its memory");
    }
}

/// The groups of the cluster under a newer configuration: what was read stays good for as long as it is read.
fn groups_after(before: &ClusterGroups, is_read: bool) -> ClusterGroups {
    match (is_read, before) {
        (false, _) => ClusterGroups::NotRead,
        (true, ClusterGroups::NotRead) => ClusterGroups::Unknown,
        (true, known) => known.clone(),
    }
}

fn needs(keys: &[Change], need: Need) -> bool {
    keys.iter().any(|change| change.need == need)
}

/// Which of the shared files must be read again.
fn stale(config: &Config, keys: &[Change], files: &BTreeSet<&Path>) -> Stale {
    Stale {
        rules: needs(keys, Need::Rules) || !inputs::rules(config).is_disjoint(files),
        exceptions: needs(keys, Need::Exceptions) || !inputs::exceptions(config).is_disjoint(files),
        facts: needs(keys, Need::Facts) || !inputs::facts(config).is_disjoint(files),
    }
}

/// The gates whose sessions to come find something else: by a key of their own or of all gates, or in a certificate.
fn gates_with_new_settings<'a>(config: &'a Config, keys: &[Change], files: &BTreeSet<&Path>) -> BTreeSet<&'a str> {
    let by_key = |name: &str| {
        let concerns = |change: &Change| change.key.gate.as_ref().is_none_or(|gate| gate == name);
        keys.iter().any(|change| change.need == Need::Settings && concerns(change))
    };
    let differs =
        config.gate.iter().filter(|gate| by_key(&gate.name) || !inputs::certificates(gate).is_disjoint(files));
    differs.map(|gate| gate.name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
[policy]
rules = ["r.cedar"]
exceptions = "e.toml"
[facts]
iam = ["i.json"]
clusters = ["c.json"]
[[gate]]
name = "a"
listen = "127.0.0.1:1"
cluster = "c"
[gate.upstream]
address = "h:1"
[gate.tls]
certificate = "a.crt"
key = "a.key"
[[gate]]
name = "b"
listen = "127.0.0.1:2"
cluster = "c"
[gate.upstream]
address = "h:1"
ca = "ca.crt"
"#;

    /// A configuration, in a folder in which its files are.
    fn config(folder: &Path, text: &str) -> Config {
        for name in ["r.cedar", "e.toml", "i.json", "c.json", "other"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let path = folder.join("rolegate.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&path).unwrap()
    }

    /// The file that changed, or what is written in the place of something; what is read again, and whose sessions to come differ.
    #[test]
    fn what_differs_is_read_again_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let before = config(folder.path(), TEXT);
        let (rules, exceptions, facts, none) = (
            Stale { rules: true, ..Stale::default() },
            Stale { exceptions: true, ..Stale::default() },
            Stale { facts: true, ..Stale::default() },
            Stale::default(),
        );
        let files: [(&str, Stale, &[&str]); 8] = [
            ("r.cedar", rules, &[]),
            ("e.toml", exceptions, &[]),
            ("i.json", facts, &[]),
            ("c.json", facts, &[]),
            ("a.crt", none, &["a"]),
            ("a.key", none, &["a"]),
            ("ca.crt", none, &["b"]),
            ("other", none, &[]),
        ];
        for (name, want, gates) in files {
            let path = folder.path().join(name);
            let changed = BTreeSet::from([path.as_path()]);
            assert_eq!(stale(&before, &[], &changed), want, "{name}");
            let renewed: Vec<_> = gates_with_new_settings(&before, &[], &changed).into_iter().collect();
            assert_eq!(renewed, gates, "{name}");
        }
        let keys: [(&str, &str, Stale, &[&str]); 5] = [
            ("[policy]\n", "[policy]\ntime_zone = \"Europe/Berlin\"\n", rules, &[]),
            ("[facts]\n", "[facts]\nmax_age = \"1h\"\n", facts, &[]),
            ("[policy]\n", "[policy]\nmode = \"shadow\"\n", none, &[]),
            ("[policy]\n", "[policy]\nnotice = false\n", none, &["a", "b"]),
            ("name = \"b\"\n", "name = \"b\"\ndialect = \"postgresql\"\n", none, &["b"]),
        ];
        for (old, new, want, gates) in keys {
            let after = config(folder.path(), &TEXT.replace(old, new));
            let changes = changes::between(&before, &after);
            assert_eq!(stale(&after, &changes, &BTreeSet::new()), want, "{new}");
            let renewed: Vec<_> = gates_with_new_settings(&after, &changes, &BTreeSet::new()).into_iter().collect();
            assert_eq!(renewed, gates, "{new}");
        }
    }

    #[test]
    fn groups_that_were_read_stay_good_for_as_long_as_they_are_read() {
        use ClusterGroups::{NotRead, Unknown};
        for (before, is_read, want) in
            [(NotRead, false, NotRead), (NotRead, true, Unknown), (Unknown, true, Unknown), (Unknown, false, NotRead)]
        {
            assert_eq!(groups_after(&before, is_read), want, "{before:?} {is_read}");
        }
    }
}
