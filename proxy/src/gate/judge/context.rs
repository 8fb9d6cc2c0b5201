//! What every part of the judge looks at: the policy, who asks, and when.

use jiff::Timestamp;

use crate::gate::codes::Code;
use crate::gate::finding::Finding;
use crate::gate::policy::Policy;
use crate::gate::principal::Principal;
use crate::iam::Cluster;

pub(super) struct JudgeContext<'a> {
    pub(super) policy: &'a Policy,
    pub(super) principal: &'a Principal,
    /// The principal's groups.
    pub(super) groups: &'a [String],
    pub(super) now: Timestamp,
    /// Of the message's text, in bytes.
    pub(super) length: usize,
}

impl JudgeContext<'_> {
    /// A finding in the words of its code, of the severity that the policy gives it.
    pub(super) fn finding(&self, code: Code, at: usize) -> Finding {
        Finding::new(code, self.policy.severity(code), at.min(self.length))
    }

    /// The cluster behind the gate, where the facts hold it.
    pub(super) fn cluster(&self) -> Option<&Cluster> {
        self.policy.iam().and_then(|iam| iam.facts.cluster(&iam.cluster))
    }
}
