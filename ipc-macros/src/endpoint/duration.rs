//! Durations as text: `250ms`, `5s`, `2m`, `1h`.

use syn::LitStr;

use crate::diagnostics::Diagnostics;

/// Milliseconds; never zero.
pub(crate) type Millis = u64;

/// Reads one duration.
pub(crate) fn duration(text: &LitStr, errors: &mut Diagnostics) -> Option<Millis> {
    let parsed = parse(&text.value());
    if parsed.is_none() {
        errors.error(
            text,
            format_args!(
                "{:?} is not a duration: write a whole number above 0 with its unit (ms, s, m or \
                 h), such as \"5s\"",
                text.value()
            ),
        );
    }
    parsed
}

/// Reads `shortest..longest`.
pub(crate) fn range(text: &LitStr, errors: &mut Diagnostics) -> Option<(Millis, Millis)> {
    let value = text.value();
    let parsed = value
        .split_once("..")
        .and_then(|(first, longest)| Some((parse(first)?, parse(longest)?)));
    match parsed {
        Some((first, longest)) if first <= longest => parsed,
        Some(_) => {
            errors.error(
                text,
                format_args!("{value:?} ends before it starts: put the shorter wait first"),
            );
            None
        }
        None => {
            errors.error(
                text,
                format_args!("{value:?} is not a range of durations: write it as \"100ms..10s\""),
            );
            None
        }
    }
}

fn parse(text: &str) -> Option<Millis> {
    let text = text.trim();
    let unit_at = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let in_millis = match unit.trim_start() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(in_millis).filter(|millis| *millis > 0)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_unit_is_read() {
        let read: Vec<_> = ["250ms", "5s", "2m", "1h", " 5 s "].map(parse).into();
        assert_eq!(
            read,
            [
                Some(250),
                Some(5_000),
                Some(120_000),
                Some(3_600_000),
                Some(5_000)
            ]
        );
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "5 days",
            "99999999999999999999s",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
