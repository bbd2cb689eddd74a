//! Decimal numbers as header values.

use bytes::Bytes;

/// Reads digits, nothing else: `parse` would also take a sign. The quotes that
/// Spring's JSON header mapper may put around text are tolerated.
pub(super) fn read<T: TryFrom<u64>>(value: &[u8]) -> Option<T> {
    let digits = match value {
        [b'"', digits @ .., b'"'] => digits,
        digits => digits,
    };
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })?;
    T::try_from(number).ok()
}

pub(super) fn write(number: impl Into<u64>) -> Bytes {
    number.into().to_string().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_all_digits_reads_as_std_reads_it(text in "[0-9]{0,21}") {
            prop_assert_eq!(read::<u64>(text.as_bytes()), text.parse().ok());
            prop_assert_eq!(read::<i32>(text.as_bytes()), text.parse().ok());
            prop_assert_eq!(read::<u16>(text.as_bytes()), text.parse().ok());
        }

        #[test]
        fn what_is_not_all_digits_is_no_number(text in "[0-9]{0,3}[^0-9\"][0-9]{0,3}") {
            prop_assert_eq!(read::<u64>(text.as_bytes()), None);
        }

        #[test]
        fn what_is_written_reads_the_same_with_and_without_quotes(number: u64) {
            let written = write(number);
            let quoted = [b"\"", &*written, b"\""].concat();
            prop_assert_eq!(read(&written), Some(number));
            prop_assert_eq!(read(&quoted), Some(number));
        }
    }
}
