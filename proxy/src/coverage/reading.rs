//! Reads both sides from their inputs, and compares them.

use std::io;

use crate::coverage::carrier::{CarrierReader, CarrierReading, RoleCarrier};
use crate::coverage::cluster_side::ClusterSide;
use crate::coverage::gate_side::GateSide;
use crate::coverage::matching::{Margins, match_up};
use crate::coverage::report::CoverageReport;
use crate::history::{History, HistoryInput, HistoryProblem, RecordReader, SideNews, StatementRecord};
use crate::sql::Dialect;

/// What is compared, and how.
#[derive(Clone, Debug)]
pub(crate) struct CoverageQuery {
    /// The lexical rules of the cluster.
    pub(crate) dialect: Dialect,
    /// The gate before it; any whose audit is read when not given.
    pub(crate) gate: Option<String>,
    pub(crate) margins: Margins,
}

/// Compares the audit among the inputs with everything else in them.
///
/// # Errors
/// A temporary file cannot be used. What is wrong with an input is a problem, and no error.
pub(crate) fn compare(
    asked: &CoverageQuery,
    inputs: Vec<HistoryInput>,
) -> io::Result<(CoverageReport, Vec<HistoryProblem>)> {
    let reader = CarrierReader { dialect: asked.dialect };
    let fold = |part: &mut CarrierPart, record: &StatementRecord<'_>| match reader.read(record) {
        CarrierReading::Plain => {}
        CarrierReading::Carrier(carrier) => part.carriers.push(*carrier),
        CarrierReading::Unclear(carrier, reason) => part.unclear.push((*carrier, reason)),
    };
    let (audit, others) = History::open(inputs).split();
    let mut sides = Sides { gate: GateSide::new(asked.gate.as_deref()), ..Sides::default() };
    audit.read(false, fold, &mut sides)?;
    others.read(false, fold, &mut sides)?;
    let passed = sides.gate.finish(asked.margins.clocks);
    Ok((match_up(passed, sides.cluster, asked.margins), sides.problems))
}

/// A part of the records.
#[derive(Default)]
struct CarrierPart {
    carriers: Vec<RoleCarrier>,
    unclear: Vec<(RoleCarrier, &'static str)>,
}

#[derive(Default)]
struct Sides {
    gate: GateSide,
    cluster: ClusterSide,
    problems: Vec<HistoryProblem>,
}

impl RecordReader<CarrierPart> for Sides {
    fn part(&mut self, part: CarrierPart) -> io::Result<()> {
        for carrier in part.carriers {
            if carrier.from.is_clusters() {
                self.cluster.carriers.push(carrier);
            } else {
                self.gate.carrier(carrier);
            }
        }
        let unclear = part.unclear.into_iter().filter(|(carrier, _)| carrier.from.is_clusters());
        self.cluster.unclear.extend(unclear);
        Ok(())
    }

    fn problem(&mut self, problem: HistoryProblem) {
        self.problems.push(problem);
    }

    fn news(&mut self, news: SideNews) {
        match news {
            SideNews::Gate(news) => self.gate.news(*news),
            SideNews::Connection(event) => self.cluster.events.push(event),
            SideNews::Assumed(role) => self.cluster.assumed.push(*role),
        }
    }
}
