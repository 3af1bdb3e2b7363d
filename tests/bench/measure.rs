//! Measuring one run: from the start of a process to the last record it mirrors.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use crate::case::{Case, PARTITIONS};
use crate::ends::Ends;
use crate::program;
use crate::support::wait::eventually;

const LIMIT: Duration = Duration::from_secs(600);
/// The longest pause of a mirror that has begun; after it the run is given up.
const STALL: Duration = Duration::from_secs(30);
/// The unit in which the kernel reports CPU times to programs.
const TICKS_PER_SECOND: u64 = 100;
/// The columns of user and system time in a line of /proc/PID/stat, counted after the process name, which may contain
/// anything.
const USER_AND_SYSTEM: [usize; 2] = [11, 12];
/// Columns of /proc/stat that don't count: idle, waiting for disks, and guests, which are included in the user time.
const IDLE_OR_COUNTED_TWICE: [usize; 4] = [3, 4, 8, 9];

/// The figures of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Records per second, from the first seen on the target to the last.
    pub(crate) rate: f64,
    /// CPU time of the mirror per record in that period, in microseconds.
    pub(crate) cpu: f64,
    /// The part of `cpu` spent in the kernel.
    pub(crate) system: f64,
    /// CPU time of both brokers together per record, in microseconds.
    pub(crate) broker_cpu: f64,
    /// The peak memory of the mirror, in MiB.
    pub(crate) memory: f64,
    /// Seconds from the start of the mirror to the first record on the target.
    pub(crate) first_record: f64,
    /// CPU seconds of the mirror until then.
    pub(crate) start_cpu: f64,
    /// The number of cores kept busy by other processes meanwhile.
    pub(crate) others: f64,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.0} records/s, {:.2} CPU-µs/record ({:.2} of it in the kernel; brokers {:.2}), {:.0} MiB, first record after {:.2} s and {:.2} CPU-s; others used {:.2} cores",
            self.rate,
            self.cpu,
            self.system,
            self.broker_cpu,
            self.memory,
            self.first_record,
            self.start_cpu,
            self.others
        )
    }
}

/// The processes watched during a run.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) mirror: u32,
    pub(crate) brokers: Vec<u32>,
}

/// A snapshot during a run.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    records: i64,
    cpu: Duration,
    system: Duration,
    broker_cpu: Duration,
    machine_cpu: Duration,
}

impl Watched {
    /// Watches a mirror that was started at `started` until all records are on the target, and panics if they don't arrive.
    pub(crate) async fn measure(&self, started: Instant, target: &Ends, case: &Case) -> Run {
        let first = eventually(LIMIT, "the first record", async || {
            let now = self.moment(target).await?;
            if now.records > 0 {
                Ok(now)
            } else {
                Err("none yet".to_owned())
            }
        })
        .await;
        let mut newest = first;
        let last = eventually(LIMIT, "the last record", async || {
            let now = self.moment(target).await?;
            if now.records > newest.records {
                newest = now;
            }
            let stalled = newest.at.elapsed();
            assert!(
                stalled < STALL,
                "no record for {stalled:?}, after {}",
                newest.records
            );
            if now.records >= case.records {
                Ok(now)
            } else {
                Err(format!("{} records", now.records))
            }
        })
        .await;
        assert_eq!(
            last.records, case.records,
            "records on the target's {PARTITIONS} partitions"
        );
        let records = as_float(last.records - first.records);
        let seconds = last.at.duration_since(first.at).as_secs_f64();
        let spent = |cpu: fn(&Moment) -> Duration| cpu(&last).saturating_sub(cpu(&first));
        let (ours, brokers) = (
            spent(|moment| moment.cpu),
            spent(|moment| moment.broker_cpu),
        );
        let others = spent(|moment| moment.machine_cpu).saturating_sub(ours + brokers);
        let system = spent(|moment| moment.system);
        let per_record = |spent: Duration| spent.as_secs_f64() * 1e6 / records;
        Run {
            rate: records / seconds,
            cpu: per_record(ours),
            system: per_record(system),
            broker_cpu: per_record(brokers),
            memory: program::peak_memory_mib(self.mirror),
            first_record: first.at.duration_since(started).as_secs_f64(),
            start_cpu: first.cpu.as_secs_f64(),
            others: others.as_secs_f64() / seconds,
        }
    }

    async fn moment(&self, target: &Ends) -> Result<Moment, String> {
        let records = target.read().await?.iter().sum();
        let [user, system] = times(self.mirror);
        Ok(Moment {
            at: Instant::now(),
            records,
            cpu: user + system,
            system,
            broker_cpu: self.brokers.iter().map(|pid| cpu(*pid)).sum(),
            machine_cpu: machine_cpu(),
        })
    }
}

/// The CPU time of all threads of a process so far.
pub(crate) fn cpu(pid: u32) -> Duration {
    times(pid).iter().sum()
}

/// The same, split into user and system time.
fn times(pid: u32) -> [Duration; 2] {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, columns) = stat.rsplit_once(") ").expect("a name in parentheses");
    let columns: Vec<&str> = columns.split(' ').collect();
    USER_AND_SYSTEM.map(|column| duration(columns[column].parse().expect("a number of ticks")))
}

/// The CPU time used by the whole machine so far.
pub(crate) fn machine_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/stat").expect("the machine's CPU times");
    let times = stat
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("cpu "))
        .expect("the sum of all cores");
    let times = times
        .split_whitespace()
        .map(|time| time.parse::<u64>().expect("a number of ticks"));
    let busy = times
        .enumerate()
        .filter(|(column, _)| !IDLE_OR_COUNTED_TWICE.contains(column));
    duration(busy.map(|(_, ticks)| ticks).sum())
}

fn duration(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

/// A number of records as a float; exact far beyond any number here.
#[expect(clippy::cast_precision_loss, reason = "millions fit")]
fn as_float(records: i64) -> f64 {
    records as f64
}
