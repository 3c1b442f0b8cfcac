//! Text in lines of a width.

/// Breaks text at blanks into lines of at most `width` characters; a longer word has a line of its own, cut by nobody:
/// an id must stay whole.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let needed = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && needed > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn text_is_broken_at_blanks_and_ids_stay_whole() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrap("a 01a1fdc9-1ee5-766e-a6cd-2bea249a40ea b", 10),
            ["a", "01a1fdc9-1ee5-766e-a6cd-2bea249a40ea", "b"]
        );
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(wrap("one two", usize::MAX), ["one two"]);
    }
}
