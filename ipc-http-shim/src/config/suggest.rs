//! What a misspelt word was probably meant to be.

/// A mend for a word that is none of `known`: the nearest of them, or all.
pub(super) fn mend<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance);
    match nearest {
        Some((_, candidate)) => format!("did you mean {candidate:?}?"),
        None => {
            let quoted: Vec<String> = known.iter().map(|word| format!("{word:?}")).collect();
            format!("known are {}", quoted.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mend;

    #[test]
    fn a_near_miss_names_the_word_that_was_meant() {
        assert_eq!(
            mend("sevice", ["path", "service"]),
            "did you mean \"service\"?"
        );
    }

    #[test]
    fn a_strange_word_lists_all_known_ones() {
        assert_eq!(
            mend("colour", ["path", "service"]),
            "known are \"path\", \"service\""
        );
    }
}
