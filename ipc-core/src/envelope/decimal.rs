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
    let mut digits = itoa::Buffer::new();
    Bytes::copy_from_slice(digits.format(number.into()).as_bytes())
}

/// Two numbers that share an allocation.
pub(super) fn write_both(first: u64, second: u64) -> (Bytes, Bytes) {
    const LONGEST: usize = 20;
    let mut both = [0; 2 * LONGEST];
    let mut digits = itoa::Buffer::new();
    let mut put = |at: usize, number| {
        let digits = digits.format(number).as_bytes();
        both[at..][..digits.len()].copy_from_slice(digits);
        at + digits.len()
    };
    let end = put(0, first);
    let length = put(end, second);
    let both = Bytes::from_owner(both);
    (both.slice(..end), both.slice(end..length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_that_share_an_allocation_are_read_as_they_were(
            numbers in any::<(u64, u64)>(),
        ) {
            let (first, second) = write_both(numbers.0, numbers.1);
            prop_assert_eq!((read(&first), read(&second)), (Some(numbers.0), Some(numbers.1)));
        }

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

    #[test]
    fn the_largest_numbers_fit() {
        let largest = Bytes::from(u64::MAX.to_string());
        assert_eq!(write_both(u64::MAX, u64::MAX), (largest.clone(), largest));
    }
}
