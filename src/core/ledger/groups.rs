//! One group of the ledger: the sorted hashes of tasks that have everything else in common.

use super::bits::{BitReader, BitWriter};

/// The Rice parameter for `count` hashes of `bits` bits: the logarithm of the mean difference, or a little less.
fn parameter(bits: u8, count: usize) -> u8 {
    let spread = u8::try_from(count.max(1).ilog2()).unwrap_or(64);
    bits.saturating_sub(spread).saturating_sub(1)
}

/// The hashes of a group, written.
#[derive(Debug)]
pub(super) struct Group {
    k: u8,
    count: usize,
    last: u64,
    writer: BitWriter,
}

impl Group {
    /// A group of so many hashes of so many bits, to be pushed.
    pub(super) fn new(bits: u8, count: usize) -> Self {
        Self { k: parameter(bits, count), count, last: 0, writer: BitWriter::default() }
    }

    /// Adds a hash above the last one.
    pub(super) fn push(&mut self, hash: u64) {
        self.writer.rice(hash - self.last, self.k);
        self.last = hash;
    }

    /// How many bits it has at least, once all are pushed.
    pub(super) fn least_bits(&self) -> usize {
        self.count * (usize::from(self.k) + 1)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Its length in bytes.
    pub(super) fn length(&self) -> usize {
        self.writer.length()
    }

    /// Appends its bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.writer.write(out);
    }
}

/// Reads `count` hashes; none when there are fewer, or one is too large.
pub(super) fn decode(bytes: &[u8], bits: u8, count: usize) -> Option<Vec<u64>> {
    let k = parameter(bits, count);
    let mut reader = BitReader::new(bytes);
    let mut last = 0u64;
    (0..count)
        .map(|_| {
            last = last.checked_add(reader.rice(k)?)?;
            (last.checked_shr(bits.into()).unwrap_or(0) == 0).then_some(last)
        })
        .collect()
}
