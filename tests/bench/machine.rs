//! The machine and software on which the measurement ran.

use std::fs;
use std::process::Command;

use crate::case::VERSION;
use crate::program;

/// The machine and the versions, in one sentence each.
pub(crate) fn conditions() -> String {
    let cores = cores();
    let memory_gib = memory_kib() / (1 << 20);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let command: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "Machine: {cores} cores of {model}, {memory_gib} GiB, Linux {kernel}; both brokers, both mirrors and the load on it.\n\
         Versions: {farshore}; Apache Kafka {kafka} and its MirrorMaker 2; {java}.\n\
         Measured on {date} with `make bench{arguments}`.",
        model = processor(),
        kernel = kernel.trim(),
        farshore = first_line(program::farshore().as_os_str(), "--version"),
        kafka = VERSION.release(),
        java = first_line("java".as_ref(), "--version"),
        date = jiff::Zoned::now().date(),
        arguments = if command.is_empty() {
            String::new()
        } else {
            format!(" ARGS=\"{}\"", command.join(" "))
        },
    )
}

/// The number of cores.
pub(crate) fn cores() -> f64 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(cores).map_or(1.0, f64::from)
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, name)| name.to_owned(),
    )
}

fn memory_kib() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    total
        .and_then(|total| total.parse().ok())
        .unwrap_or_default()
}

fn first_line(program: &std::ffi::OsStr, argument: &str) -> String {
    let output = Command::new(program)
        .arg(argument)
        .output()
        .expect("a program that was just used");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().next().unwrap_or_default().to_owned()
}
