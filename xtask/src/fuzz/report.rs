//! What libFuzzer says of a run, as a row of a table.

use std::path::PathBuf;

/// What became of one target.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) executions: u64,
    pub(super) per_second: u64,
    /// Edges of the code that were reached, and features: edges with how often, and comparisons.
    pub(super) edges: u64,
    pub(super) features: u64,
    /// Inputs in the corpus.
    pub(super) inputs: u64,
    pub(super) peak_mb: u64,
    /// The first line that says what went wrong.
    pub(super) problem: String,
    /// The file that libFuzzer says it kept.
    pub(super) kept: Option<PathBuf>,
    /// New files of inputs that failed.
    pub(super) findings: Vec<PathBuf>,
}

impl Report {
    /// Reads libFuzzer's log.
    pub(super) fn of(name: &str, log: &str) -> Self {
        let mut report = Self { name: name.to_owned(), ..Self::default() };
        for line in log.lines() {
            let number = |key: &str| {
                let behind = line.split_once(key)?.1.trim_start();
                behind.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
            };
            if line.starts_with('#') && line.contains(" cov: ") {
                report.edges = number(" cov: ").unwrap_or(report.edges);
                report.features = number(" ft: ").unwrap_or(report.features);
                report.inputs = number(" corp: ").unwrap_or(report.inputs);
                report.executions = number("#").unwrap_or(report.executions);
                report.per_second = number(" exec/s: ").unwrap_or(report.per_second);
                report.peak_mb = number(" rss: ").unwrap_or(report.peak_mb);
            }
            report.executions = number("stat::number_of_executed_units:").unwrap_or(report.executions);
            report.per_second = number("stat::average_exec_per_sec:").unwrap_or(report.per_second);
            report.peak_mb = number("stat::peak_rss_mb:").unwrap_or(report.peak_mb);
            if let Some((_, file)) = line.split_once("Test unit written to ") {
                report.kept = Some(PathBuf::from(file.trim()));
            }
            let says = ["panicked at", "ERROR: ", "bytes of heap for an input"].iter().any(|w| line.contains(w));
            if says && report.problem.is_empty() {
                report.problem = line.trim().to_owned();
            }
        }
        report
    }
}

/// A table with a row for each target.
pub(super) fn table(reports: &[Report]) -> String {
    let mut text = String::from(
        "| target | executions | per second | edges | features | inputs | peak MB | findings |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for r in reports {
        text += &format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            r.name,
            r.executions,
            r.per_second,
            r.edges,
            r.features,
            r.inputs,
            r.peak_mb,
            r.findings.len()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_run_and_one_that_fails() {
        let log = "INFO: seed corpus: files: 12\n#12\tINITED cov: 900 ft: 1200 corp: 10/3Kb exec/s: 0 rss: 40Mb\n\
                   #4096\tpulse  cov: 1000 ft: 2200 corp: 40/9Kb lim: 4096 exec/s: 2048 rss: 52Mb\n\
                   Done 8000 runs in 4 second(s)\nstat::number_of_executed_units: 8000\nstat::average_exec_per_sec:     1999\n\
                   stat::peak_rss_mb:              61\n";
        let report = Report::of("nrrd", log);
        assert_eq!((report.executions, report.per_second, report.edges, report.features), (8000, 1999, 1000, 2200));
        assert_eq!((report.inputs, report.peak_mb, report.problem.as_str()), (40, 61, ""));
        let failed = "thread '<unnamed>' panicked at a.rs:3:5:\nindex out of bounds\n==7== ERROR: libFuzzer: deadly signal\n\
                      artifact_prefix='x/'; Test unit written to x/crash-01\n";
        let report = Report::of("nrrd", &format!("{log}{failed}"));
        assert_eq!(report.problem, "thread '<unnamed>' panicked at a.rs:3:5:");
        assert_eq!(report.kept, Some(PathBuf::from("x/crash-01")));
        let text = table(&[report]);
        assert!(text.ends_with("| nrrd | 8000 | 1999 | 1000 | 2200 | 40 | 61 | 0 |\n"), "{text}");
    }
}
