//! What a process has used, as Linux counts it.

use std::{fs, time::Duration};

use crate::error::Error;

/// Linux gives times in hundredths of a second to all programs, whatever its own tick is.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor time, in user and in kernel mode.
    pub(crate) cpu: Duration,
    /// The most memory that it ever held, in kilobytes.
    pub(crate) peak: u64,
    /// What it holds now, in kilobytes.
    pub(crate) resident: u64,
}

pub(crate) fn of(pid: u32) -> Result<Usage, Error> {
    Ok(Usage { cpu: cpu(pid)?, peak: memory(pid, "VmHWM:")?, resident: memory(pid, "VmRSS:")? })
}

fn cpu(pid: u32) -> Result<Duration, Error> {
    let file = "stat";
    let stat = read(pid, file)?;
    // The program's name, in parentheses, may hold anything; utime and stime are the 14th and 15th fields.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: Vec<u32> =
        fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse().ok()).collect();
    match ticks.as_slice() {
        [user, system] => Ok(TICK * (user + system)),
        _ => Err(Error::Proc { pid, file }),
    }
}

fn memory(pid: u32, name: &str) -> Result<u64, Error> {
    let file = "status";
    let status = read(pid, file)?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.ok_or(Error::Proc { pid, file })
}

fn read(pid: u32, file: &'static str) -> Result<String, Error> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|_| Error::Proc { pid, file })
}
