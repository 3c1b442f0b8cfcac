//! The letter as HTML: a page that stands alone, loads nothing, and reads well without styles.

use super::Parts;

/// Lays the parts out as a page.
pub(super) fn page(parts: &Parts) -> String {
    let mut rows = String::new();
    for (name, value) in &parts.facts {
        rows.push_str(&format!(
            "<tr><th align=\"left\" style=\"padding:4px 16px 4px 0;color:#555;font-weight:normal;vertical-align:top\">{}</th>\
             <td style=\"padding:4px 0\">{}</td></tr>\n",
            escaped(name),
            escaped(value)
        ));
    }
    let next: String = parts.next.iter().map(|line| format!("<p>{}</p>\n", escaped(line))).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{subject}</title></head>\n\
         <body style=\"font-family:sans-serif;line-height:1.5;color:#222;max-width:40em\">\n\
         <p>{greeting}</p>\n<h1 style=\"font-size:1.3em\">{headline}</h1>\n\
         <table role=\"presentation\" cellspacing=\"0\">\n{rows}</table>\n{next}\
         <p style=\"color:#555;font-size:0.9em\">{closing}</p>\n</body>\n</html>\n",
        subject = escaped(&parts.subject),
        greeting = escaped(&parts.greeting),
        headline = escaped(&parts.headline),
        closing = escaped(&parts.closing),
    )
}

/// Text as it may stand in an element or an attribute in quotation marks.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
