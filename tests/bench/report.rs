//! The table: medians of the runs, and the ratios of the pairs.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::case::{BROKER_JVM, Case, PARTITIONS};
use crate::contestant::{Contestant, MIRROR_MAKER_JVM};
use crate::encryption;
use crate::machine;
use crate::measure::Run;

const RATE_GOAL: f64 = 3.0;
const MEMORY_GOAL_MIB: f64 = 64.0;

/// All runs so far.
#[derive(Debug)]
pub(crate) struct Report {
    cases: Vec<(Case, BTreeMap<Contestant, Vec<Run>>)>,
    tls: bool,
}

impl Report {
    /// An empty report about mirrors that connect with or without TLS.
    pub(crate) fn new(tls: bool) -> Self {
        let cases = Vec::new();
        Self { cases, tls }
    }

    /// Adds a run.
    pub(crate) fn add(&mut self, case: &Case, contestant: Contestant, run: Run) {
        if self.cases.last().is_none_or(|(last, _)| last != case) {
            self.cases.push((*case, BTreeMap::new()));
        }
        if let Some((_, runs)) = self.cases.last_mut() {
            runs.entry(contestant).or_default().push(run);
        }
    }

    /// The tables with their conditions, in Markdown.
    pub(crate) fn markdown(&self) -> String {
        format!(
            "{}\n{}\n{}",
            self.figures(),
            self.ratios(),
            self.conditions()
        )
    }

    fn figures(&self) -> String {
        let mut text = "| data | mirror | records/s | CPU-µs per record | of it in the kernel | brokers' CPU-µs per record | peak memory, MiB | start to first record, s | CPU-s until then |\n\
                        |---|---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for (case, runs) in &self.cases {
            for (contestant, runs) in runs {
                let median = |figure: fn(&Run) -> f64| median(runs.iter().map(figure).collect());
                let _ = writeln!(
                    text,
                    "| {case} | {contestant} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} | {:.2} | {:.2} |",
                    median(|run| run.rate),
                    median(|run| run.cpu),
                    median(|run| run.system),
                    median(|run| run.broker_cpu),
                    median(|run| run.memory),
                    median(|run| run.first_record),
                    median(|run| run.start_cpu),
                );
            }
        }
        text
    }

    fn ratios(&self) -> String {
        let mut text = String::new();
        for (case, runs) in &self.cases {
            let (Some(ours), Some(theirs)) =
                (runs.get(&Contestant::Farshore), runs.get(&Contestant::Mm2))
            else {
                continue;
            };
            if text.is_empty() {
                text.push_str(
                    "| data | CPU, times less | expected | rate, times more | expected | memory, times less | farshore's peak | expected |\n\
                     |---|--:|--:|--:|--:|--:|--:|--:|\n",
                );
            }
            let pairs = |ratio: fn(&Run, &Run) -> f64| {
                Spread::of(ours.iter().zip(theirs).map(|(o, t)| ratio(o, t)).collect())
            };
            let cpu = pairs(|ours, theirs| theirs.cpu / ours.cpu);
            let rate = pairs(|ours, theirs| ours.rate / theirs.rate);
            let memory = pairs(|ours, theirs| theirs.memory / ours.memory);
            let goal = case.cpu_goal.map_or("-".to_owned(), |goal| {
                format!("{goal:.0}, {}", met(cpu.median >= goal))
            });
            let peak = ours.iter().map(|run| run.memory).fold(0.0, f64::max);
            let _ = writeln!(
                text,
                "| {case} | {cpu} | {goal} | {rate} | {RATE_GOAL:.0}, {} | {memory} | {peak:.0} MiB | {MEMORY_GOAL_MIB:.0} MiB, {} |",
                met(rate.median >= RATE_GOAL),
                met(peak < MEMORY_GOAL_MIB),
            );
        }
        text
    }

    fn conditions(&self) -> String {
        let runs = self
            .cases
            .iter()
            .flat_map(|(_, runs)| runs.values())
            .flatten();
        let others = runs.map(|run| run.others).fold(0.0, f64::max);
        let data: Vec<String> = self
            .cases
            .iter()
            .map(|(case, _)| {
                format!(
                    "{case}: {} records, values of {} bytes, batches of {} bytes, compression {}",
                    case.records, case.record_bytes, case.batch_bytes, case.codec
                )
            })
            .collect();
        format!(
            "Figures are medians; ratios are medians of pairs of runs on the same data, one right after the other, with the least and the greatest. \
             One run on each kind of data came before, to warm up the brokers.\n\
             Data: {data}; random letters, {PARTITIONS} partitions, replication factor 1, loopback.\n\
             CPU is the mirror process's between the first record seen on the target and the last; its start is apart. Others used {others:.2} cores at most, this program among them.\n\
             JVM options: brokers `{brokers}`, MirrorMaker 2 `{mirror_maker}`, with tasks.max 4 and its defaults otherwise.\n{encryption}{machine}",
            data = data.join("; "),
            brokers = BROKER_JVM.join(" "),
            mirror_maker = MIRROR_MAKER_JVM.join(" "),
            encryption = if self.tls { encryption::CONDITIONS } else { "" },
            machine = machine::conditions(),
        )
    }
}

fn met(goal: bool) -> &'static str {
    if goal { "met" } else { "missed" }
}

/// A figure over several pairs.
#[derive(Debug, Clone, Copy)]
struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    fn of(figures: Vec<f64>) -> Self {
        Self {
            least: figures.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: figures.iter().copied().fold(0.0, f64::max),
            median: median(figures),
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.1} ({:.1}–{:.1})",
            self.median, self.least, self.greatest
        )
    }
}

/// The middle figure, or the mean of the two middle ones.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    if figures.len().is_multiple_of(2) {
        f64::midpoint(figures[middle - 1], figures[middle])
    } else {
        figures[middle]
    }
}
