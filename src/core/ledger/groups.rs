//! One group of the ledger: the sorted hashes of tasks that have everything else in common.

use super::bits::{BitReader, BitWriter};

/// The Rice parameter for `count` hashes of `bits` bits: the logarithm of the mean difference, or a little less.
fn parameter(bits: u8, count: usize) -> u8 {
    let spread = u8::try_from(count.max(1).ilog2()).unwrap_or(64);
    bits.saturating_sub(spread).saturating_sub(1)
}

/// Writes sorted, distinct hashes.
pub(super) fn encode(hashes: &[u64], bits: u8) -> Vec<u8> {
    let k = parameter(bits, hashes.len());
    let mut writer = BitWriter::default();
    let mut last = 0;
    for hash in hashes {
        writer.rice(hash - last, k);
        last = *hash;
    }
    writer.finish()
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
