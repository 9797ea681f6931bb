use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Counts requests second by second, as the gateway does. A refused one counts for nothing.
pub(super) struct Limiter {
    limit: u32,
    began: Instant,
    admitted: u32,
}

impl Limiter {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, began: Instant::now(), admitted: 0 }
    }

    pub(super) fn admits(&mut self) -> bool {
        if self.began.elapsed() >= SECOND {
            self.began = Instant::now();
            self.admitted = 0;
        }
        let admits = self.admitted < self.limit;
        self.admitted += u32::from(admits);
        admits
    }
}
