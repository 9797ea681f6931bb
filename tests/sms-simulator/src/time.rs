//! Times as the vendor's APIs write them.

use jiff::Timestamp;

/// As `2020-01-04T09:05:22.701000Z`, with all six digits.
pub(crate) fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_six_digits_are_written() {
        for (time, text) in [
            ("2020-01-04T09:05:22.701Z", "2020-01-04T09:05:22.701000Z"),
            ("2020-01-04T09:05:22Z", "2020-01-04T09:05:22.000000Z"),
            ("2020-01-04T09:05:22.123456789Z", "2020-01-04T09:05:22.123456Z"),
        ] {
            assert_eq!(micros(time.parse().unwrap()), text);
        }
    }
}
