//! Bytes a second, as people write them.

use std::str::FromStr;

const KIB: f64 = 1024.0;
const LEAST: f64 = KIB;
const MOST: f64 = KIB * KIB * KIB;

/// How many bytes of statuses may be written a second, on average; perhaps any number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WriteRate(Option<f64>);

impl WriteRate {
    /// No bound.
    pub const UNLIMITED: Self = Self(None);

    /// The number; none without a bound.
    #[must_use]
    pub fn per_second(self) -> Option<f64> {
        self.0
    }
}

impl Default for WriteRate {
    /// 4 MiB.
    fn default() -> Self {
        Self(Some(4.0 * KIB * KIB))
    }
}

/// A text is no number of bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be a number of bytes a second between 1KiB and 1GiB, such as 4MiB or 500kB; or off")]
pub struct WriteRateError;

impl FromStr for WriteRate {
    type Err = WriteRateError;

    /// A number with a unit or none, as in `4MiB`, `4Mi` or `4e6`; `off` and `0` are no bound.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("off") {
            return Ok(Self::UNLIMITED);
        }
        let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = unit(text.strip_prefix(number).unwrap_or_default()).ok_or(WriteRateError)?;
        let rate: f64 = number.trim_end().parse().map_err(|_| WriteRateError)?;
        match rate * unit {
            0.0 => Ok(Self::UNLIMITED),
            rate if (LEAST..=MOST).contains(&rate) => Ok(Self(Some(rate))),
            _ => Err(WriteRateError),
        }
    }
}

/// How many bytes a unit is.
fn unit(name: &str) -> Option<f64> {
    Some(match name.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "ki" | "kib" => KIB,
        "mi" | "mib" => KIB * KIB,
        "gi" | "gib" => KIB * KIB * KIB,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Option<f64>, WriteRateError> {
        text.parse().map(WriteRate::per_second)
    }

    #[test]
    fn a_rate_is_written_as_people_do() {
        for (text, rate) in [
            ("4MiB", 4_194_304.0),
            ("4Mi", 4_194_304.0),
            (" 4 MiB ", 4_194_304.0),
            ("0.5mib", 524_288.0),
            ("500kB", 500_000.0),
            ("1GB", 1e9),
            ("1GiB", 1_073_741_824.0),
            ("1KiB", 1024.0),
            ("2000000", 2e6),
            ("4.194304e+06", 4_194_304.0),
            ("65536B", 65_536.0),
        ] {
            assert_eq!(parsed(text), Ok(Some(rate)), "{text}");
        }
        for off in ["off", "OFF", "0", "0.0", "0MiB"] {
            assert_eq!(parsed(off), Ok(None), "{off}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "", "MiB", "-1MiB", "4 MiB/s", "4TiB", "NaN", "inf", "infinity", "1", "1023", "2GiB", "4,5MiB",
            "on", "e", "١MiB",
        ] {
            assert_eq!(parsed(text), Err(WriteRateError), "{text}");
        }
    }

    #[test]
    fn the_default_can_be_written() {
        assert_eq!("4MiB".parse(), Ok(WriteRate::default()));
    }
}
