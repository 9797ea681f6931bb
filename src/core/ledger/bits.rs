//! A stream of bits, and Rice coding on it.

/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that don't fill a byte yet, the newest lowest.
    pending: u64,
    used: u8,
}

impl BitWriter {
    /// Writes the lowest bits of a value, at most 32.
    fn put(&mut self, value: u64, count: u8) {
        self.pending = (self.pending << count) | (value & ((1 << count) - 1));
        self.used += count;
        while self.used >= 8 {
            self.used -= 8;
            self.bytes.push((self.pending >> self.used).to_le_bytes()[0]);
        }
    }

    /// Writes a number as its quotient by 2^k in ones and its rest in k bits.
    pub(super) fn rice(&mut self, value: u64, k: u8) {
        let mut ones = value >> k;
        while ones > 0 {
            let some = u8::try_from(ones).unwrap_or(u8::MAX).min(32);
            self.put(u64::MAX, some);
            ones -= u64::from(some);
        }
        self.put(0, 1);
        let low = k.min(32);
        self.put(value >> low, k - low);
        self.put(value, low);
    }

    /// The length in bytes.
    pub(super) fn length(&self) -> usize {
        self.bytes.len() + usize::from(self.used > 0)
    }

    /// Appends the bytes, the last one filled up with zeros.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(&self.bytes);
        if self.used > 0 {
            out.push((self.pending << (8 - self.used)).to_le_bytes()[0]);
        }
    }
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Some(bit)
    }

    /// Reads a number; none at the end of the bytes.
    pub(super) fn rice(&mut self, k: u8) -> Option<u64> {
        let mut quotient = 0u64;
        while self.bit()? {
            quotient += 1;
        }
        let mut value = quotient;
        for _ in 0..k {
            value = value.checked_mul(2)? | u64::from(self.bit()?);
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(values in prop::collection::vec(0u64..100_000, 0..50), k in 8u8..50) {
            let mut writer = BitWriter::default();
            values.iter().for_each(|value| writer.rice(*value, k));
            let mut bytes = Vec::new();
            writer.write(&mut bytes);
            prop_assert_eq!(bytes.len(), writer.length());
            let mut reader = BitReader::new(&bytes);
            for value in values {
                prop_assert_eq!(reader.rice(k), Some(value));
            }
        }

        #[test]
        fn garbage_ends(bytes in prop::collection::vec(any::<u8>(), 0..50), k in 0u8..=63) {
            let mut reader = BitReader::new(&bytes);
            let read = std::iter::from_fn(|| reader.rice(k)).take(1000).count();
            prop_assert!(read <= 8 * bytes.len());
        }
    }
}
