//! Durations as Go writes them: what `spec.interval`, `spec.stallAfter` and the flags are written in, and what the API
//! server checks them by.

use std::time::Duration;

/// The longest one that Go, and so the API server, can hold: 292 years.
const LONGEST: Duration = Duration::from_nanos(i64::MAX.cast_unsigned());
/// More digits of a fraction than these are less than a nanosecond of any unit.
const FRACTION_DIGITS: usize = 18;

/// Reads a duration such as `90s`, `1h30m` or `1.5h`; a plain `0` is one, too. None for what isn't one, is negative, or
/// is longer than any that Go can hold.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    loop {
        let part;
        (part, rest) = part_of(rest)?;
        total = total.checked_add(part).filter(|total| *total <= LONGEST)?;
        if rest.is_empty() {
            return Some(total);
        }
    }
}

/// A number with its unit, and what comes after it.
fn part_of(text: &str) -> Option<(Duration, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end)?;
    let unit = nanoseconds(unit)?;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let nanos = whole.checked_mul(unit)?.checked_add(share_of(unit, fraction)?)?;
    Some((Duration::from_nanos(nanos), rest))
}

/// The digits at the start, and what comes after them.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// What these digits after the point are of a unit, rounded down.
fn share_of(unit: u64, digits: &str) -> Option<u64> {
    let digits = digits.get(..FRACTION_DIGITS).unwrap_or(digits);
    if digits.is_empty() {
        return Some(0);
    }
    let whole = 10u128.checked_pow(u32::try_from(digits.len()).ok()?)?;
    let share = u128::from(unit).checked_mul(digits.parse().ok()?)?.checked_div(whole)?;
    u64::try_from(share).ok()
}

fn nanoseconds(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign, and the Greek letter that looks the same.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        let millis = |millis| Some(Duration::from_millis(millis));
        let table = [
            ("0", millis(0)),
            ("+0", millis(0)),
            ("0s", millis(0)),
            ("30s", millis(30_000)),
            ("+5m", millis(300_000)),
            ("1h30m", millis(5_400_000)),
            ("1.5h", millis(5_400_000)),
            (".5s", millis(500)),
            ("1.s", millis(1_000)),
            ("1m1m", millis(120_000)),
            ("250ms", millis(250)),
            ("1us", Some(Duration::from_micros(1))),
            ("1\u{b5}s2\u{3bc}s", Some(Duration::from_micros(3))),
            ("0.3333333333333333333333333h", Some(Duration::from_nanos(1_199_999_999_999))),
            ("2562047h47m16.854775807s", Some(LONGEST)),
            ("2562047h47m16.854775808s", None),
            ("99999999999999999999h", None),
            ("5000000h", None),
            ("", None),
            ("+", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("-5s", None),
            ("++5s", None),
            ("5 s", None),
            ("5d", None),
            ("5minutes", None),
            ("1e3s", None),
            ("inf", None),
            ("NaNs", None),
            ("٣s", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_another_reader_takes_is_the_same(hours in 0u32..1000, minutes in 0u32..1000, seconds in 0f64..1000.0) {
            let text = format!("{hours}h{minutes}m{seconds:.3}s");
            let theirs = Duration::from(text.parse::<kube::core::Duration>().unwrap());
            prop_assert!(parse(&text).unwrap().abs_diff(theirs) < Duration::from_micros(1));
        }
    }
}
