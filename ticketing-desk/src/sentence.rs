//! What was said in passing, made a sentence.

/// Returns text as a sentence: with a capital and a full stop.
#[must_use]
pub fn sentence(text: &str) -> String {
    format!("{}.", capitalised(text.trim_end_matches('.')))
}

/// Returns text with a capital, unless it begins with a path, a file's name or a place in one.
#[must_use]
pub(crate) fn capitalised(text: &str) -> String {
    let first = text.split_whitespace().next().unwrap_or_default();
    if first.contains(['/', '.', '_', '\\']) || first.trim_end_matches(':').contains(':') {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn what_was_said_becomes_a_sentence_and_names_keep_their_letters() {
        for (text, expected) in [
            ("the disk is full", "The disk is full."),
            ("city.yaml:1:2: is empty.", "city.yaml:1:2: is empty."),
            ("nofile:1:1: is empty.", "nofile:1:1: is empty."),
            ("./x is no zip", "./x is no zip."),
            ("data/write.db is no database", "data/write.db is no database."),
            ("error: no", "Error: no."),
        ] {
            assert_eq!(sentence(text), expected);
        }
    }
}
