//! What Linux says of this process, under the names that Prometheus's own clients give it.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
};
use rustix::param::{clock_ticks_per_second, page_size};

/// Reads it anew each time. Where there is no `/proc`, there is nothing.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(usage) = Usage::read() else { return Ok(()) };
        let help = "Processor time in user and kernel mode, in seconds";
        let cpu = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(usage.cpu_seconds).encode(cpu)?;
        let mut gauge = |name, help, value: f64| {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        gauge("process_resident_memory_bytes", "Resident memory, in bytes", usage.resident_bytes)?;
        gauge("process_virtual_memory_bytes", "Virtual memory, in bytes", usage.virtual_bytes)?;
        gauge("process_threads", "Threads", usage.threads)?;
        gauge("process_start_time_seconds", "When it started, in seconds since 1970", usage.started)?;
        gauge("process_open_fds", "Open file descriptors", usage.open_files)?;
        gauge("process_max_fds", "How many file descriptors it may open", usage.most_files)
    }
}

struct Usage {
    cpu_seconds: f64,
    resident_bytes: f64,
    virtual_bytes: f64,
    threads: f64,
    started: f64,
    open_files: f64,
    most_files: f64,
}

impl Usage {
    fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program comes before, in parentheses, and may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // Counted from 3 in proc(5), and from 0 here.
        let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<f64>().ok();
        let ticks = f64::from(u32::try_from(clock_ticks_per_second()).ok()?);
        let page = f64::from(u32::try_from(page_size()).ok()?);
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / ticks,
            threads: field(20)?,
            started: boot_time()? + field(22)? / ticks,
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page,
            open_files: f64::from(u32::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()?),
            most_files: most_files()?,
        })
    }
}

fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.parse().ok()
}

fn most_files() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    let soft = line.split_ascii_whitespace().next()?;
    if soft == "unlimited" { Some(f64::INFINITY) } else { soft.parse().ok() }
}
