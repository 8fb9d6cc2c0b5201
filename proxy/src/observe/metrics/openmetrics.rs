//! The OpenMetrics text format 1.0: what the classic one says, with exemplars. Pure.

use std::fmt::Write as _;

use prometheus::proto::{Histogram, LabelPair, Metric, MetricFamily, MetricType};

use crate::observe::metrics::exemplars::{Exemplar, Exemplars, SeriesName};

/// The families as OpenMetrics. Source: OpenMetrics specification, "Text Format".
pub(super) fn encode(families: &[MetricFamily], exemplars: &Exemplars) -> String {
    let mut out = String::new();
    for family in families {
        // A write to a String does not fail.
        _ = write_family(&mut out, family, exemplars);
    }
    out.push_str("# EOF\n");
    out
}

fn write_family(out: &mut String, family: &MetricFamily, exemplars: &Exemplars) -> std::fmt::Result {
    let kind = match family.get_field_type() {
        MetricType::COUNTER => "counter",
        MetricType::HISTOGRAM => "histogram",
        _ => "gauge",
    };
    let base = family.name().strip_suffix("_total").filter(|_| kind == "counter").unwrap_or(family.name());
    writeln!(out, "# HELP {base} {}", escaped(family.help()))?;
    writeln!(out, "# TYPE {base} {kind}")?;
    for metric in family.get_metric() {
        let labels = pairs(metric.get_label());
        let series =
            || SeriesName::of(family.name(), metric.get_label().iter().map(|pair| (pair.name(), pair.value())));
        match kind {
            "counter" => {
                let value = metric.get_counter().get_value();
                write!(out, "{base}_total{} {}", braced(&labels), number(value))?;
                write_exemplar(out, exemplars.get(&series(), None))?;
            }
            "histogram" => write_histogram(out, base, &labels, metric.get_histogram(), exemplars, &series())?,
            _ => writeln!(out, "{base}{} {}", braced(&labels), number(gauge(metric)))?,
        }
    }
    Ok(())
}

fn gauge(metric: &Metric) -> f64 {
    metric.get_gauge().get_value()
}

fn write_histogram(
    out: &mut String,
    base: &str,
    labels: &str,
    histogram: &Histogram,
    exemplars: &Exemplars,
    series: &SeriesName,
) -> std::fmt::Result {
    let comma = if labels.is_empty() { "" } else { "," };
    for (place, bucket) in histogram.get_bucket().iter().enumerate() {
        let (bound, count) = (number(bucket.upper_bound()), bucket.cumulative_count());
        write!(out, "{base}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}")?;
        write_exemplar(out, exemplars.get(series, Some(place)))?;
    }
    let count = histogram.get_sample_count();
    write!(out, "{base}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
    write_exemplar(out, exemplars.get(series, Some(histogram.get_bucket().len())))?;
    writeln!(out, "{base}_sum{} {}", braced(labels), number(histogram.get_sample_sum()))?;
    writeln!(out, "{base}_count{} {count}", braced(labels))
}

fn write_exemplar(out: &mut String, exemplar: Option<&Exemplar>) -> std::fmt::Result {
    let Some(Exemplar { id, value, at }) = exemplar else { return writeln!(out) };
    let at = format!("{}.{:03}", at.as_second(), at.subsec_millisecond());
    writeln!(out, " # {{decision_id=\"{}\"}} {} {at}", escaped(id), number(*value))
}

fn pairs(labels: &[LabelPair]) -> String {
    let written = labels.iter().map(|pair| format!("{}=\"{}\"", pair.name(), escaped(pair.value())));
    written.collect::<Vec<_>>().join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A number in its canonical form: whole ones end in `.0`, so that bounds of buckets are the same text everywhere.
fn number(value: f64) -> String {
    match () {
        () if value == f64::INFINITY => "+Inf".to_owned(),
        () if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        () if value.is_nan() => "NaN".to_owned(),
        () => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use jiff::Timestamp;
    use prometheus::core::Collector;
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts};

    #[test]
    fn exposition() {
        let counters = IntCounterVec::new(Opts::new("a_total", "A \"quoted\"\nhelp."), &["x", "b"]).unwrap();
        counters.with_label_values(&["1\\\n\"", "2"]).inc_by(3);
        let histograms = HistogramVec::new(HistogramOpts::new("h", "H.").buckets(vec![1e-7, 1.0]), &["g"]).unwrap();
        histograms.with_label_values(&["g"]).observe(0.5);
        let gauge = IntGauge::new("g", "G.").unwrap();
        gauge.set(-7);
        let mut exemplars = Exemplars::default();
        let at = Timestamp::from_millisecond(1_700_000_000_250).unwrap();
        let exemplar = |value| Exemplar { id: Arc::from("7f-1"), value, at };
        exemplars.put(SeriesName::of("a_total", [("b", "2"), ("x", "1\\\n\"")].into_iter()), None, exemplar(1.0));
        exemplars.put(SeriesName::of("h", [("g", "g")].into_iter()), Some(1), exemplar(0.5));
        let families = [counters.collect(), histograms.collect(), gauge.collect()].concat();
        let want = r#"# HELP a A \"quoted\"\nhelp.
# TYPE a counter
a_total{b="2",x="1\\\n\""} 3.0 # {decision_id="7f-1"} 1.0 1700000000.250
# HELP h H.
# TYPE h histogram
h_bucket{g="g",le="1e-7"} 0
h_bucket{g="g",le="1.0"} 1 # {decision_id="7f-1"} 0.5 1700000000.250
h_bucket{g="g",le="+Inf"} 1
h_sum{g="g"} 0.5
h_count{g="g"} 1
# HELP g G.
# TYPE g gauge
g -7.0
# EOF
"#;
        assert_eq!(encode(&families, &exemplars), want);
    }
}
