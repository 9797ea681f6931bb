//! A stream of bits, and Rice coding on it.

/// Writes bits, most significant first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u8,
    used: u8,
}

impl BitWriter {
    fn bit(&mut self, bit: bool) {
        self.pending = (self.pending << 1) | u8::from(bit);
        self.used += 1;
        if self.used == 8 {
            self.bytes.push(self.pending);
            (self.pending, self.used) = (0, 0);
        }
    }

    /// Writes a number as its quotient by 2^k in ones and its rest in k bits.
    pub(super) fn rice(&mut self, value: u64, k: u8) {
        for _ in 0..value >> k {
            self.bit(true);
        }
        self.bit(false);
        for place in (0..k).rev() {
            self.bit(value >> place & 1 == 1);
        }
    }

    /// The bytes, the last one filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        while self.used != 0 {
            self.bit(false);
        }
        self.bytes
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
        fn numbers_come_back(values in prop::collection::vec(0u64..100_000, 0..50), k in 8u8..20) {
            let mut writer = BitWriter::default();
            values.iter().for_each(|value| writer.rice(*value, k));
            let bytes = writer.finish();
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
