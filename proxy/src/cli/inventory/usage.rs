//! When stored credentials were last used, as far as recorded statements tell.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::cli::records::RecordArguments;
use crate::sql::{Dialect, Method, Reading, read};

/// When each object, by its name, and each chain was last used.
#[derive(Debug, Default)]
pub(super) struct Usage {
    objects: BTreeMap<String, Timestamp>,
    chains: BTreeMap<String, Timestamp>,
    default: Option<Timestamp>,
    pub statements: u64,
}

impl Usage {
    /// Reads recorded statements. A text that the cluster has cut or blanked still names the schemas, views and functions that it uses.
    pub(super) fn read(inputs: &[String], catalog: &Catalog) -> Result<Self, String> {
        let mut usage = Self::default();
        let fold = |part: &mut Self, record: &crate::history::StatementRecord<'_>| {
            part.take(&record.text, record.timestamp().unwrap_or(Timestamp::UNIX_EPOCH), catalog);
        };
        RecordArguments::of(inputs.to_vec()).read(None, fold, |part: Self| {
            usage.merge(part);
            Ok(())
        })?;
        Ok(usage)
    }

    fn take(&mut self, text: &str, at: Timestamp, catalog: &Catalog) {
        self.statements = self.statements.saturating_add(1);
        catalog.used_by(text, |used| {
            for name in used.through.iter().chain([&used.object.name]) {
                later(&mut self.objects, name.to_string(), at);
            }
        });
        let Reading::Analysed(analysis) = read(text.as_bytes(), Dialect::Redshift) else { return };
        for role_use in analysis.statements.iter().flat_map(|statement| &statement.role_uses) {
            match &role_use.method {
                Method::Chain(chain) => later(&mut self.chains, chain.clone(), at),
                Method::Default => self.default = self.default.max(Some(at)),
                _ => {}
            }
        }
    }

    fn merge(&mut self, other: Self) {
        for (name, at) in other.objects {
            later(&mut self.objects, name, at);
        }
        for (chain, at) in other.chains {
            later(&mut self.chains, chain, at);
        }
        self.default = self.default.max(other.default);
        self.statements = self.statements.saturating_add(other.statements);
    }

    /// When an object was last used by its name.
    pub(super) fn of(&self, name: &str) -> Option<Timestamp> {
        self.objects.get(name).copied()
    }

    /// Whether a statement named a chain that begins with a role.
    pub(super) fn names_first(&self, role: &str) -> bool {
        self.chains.keys().any(|chain| chain.split(',').next() == Some(role))
    }

    /// Whether a statement used the default role.
    pub(super) const fn uses_default(&self) -> bool {
        self.default.is_some()
    }
}

fn later(times: &mut BTreeMap<String, Timestamp>, name: String, at: Timestamp) {
    let time = times.entry(name).or_insert(at);
    *time = (*time).max(at);
}
