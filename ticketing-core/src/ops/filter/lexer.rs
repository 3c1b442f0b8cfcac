//! From characters to words, operators and brackets, each with its place.

use super::ast::Operator;

/// A piece of a filter. Places count characters from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its first character.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// What it is.
    pub kind: TokenKind,
}

/// What a piece of a filter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `=` and the others.
    Operator(Operator),
    /// `and`, however written.
    And,
    /// `or`, however written.
    Or,
    /// `not`, however written.
    Not,
    /// A name or value without quotes.
    Bare(String),
    /// A value in quotes, its escapes resolved.
    Quoted(String),
}

/// Why a text can't be cut into pieces: where from, where to, a sentence.
pub type LexFault = (usize, usize, String);

/// Cuts a filter into its pieces.
pub fn tokens(query: &[char]) -> Result<Vec<Token>, LexFault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = query.get(at) {
        let (kind, end) = match c {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (TokenKind::Open, at + 1),
            ')' => (TokenKind::Close, at + 1),
            '"' => quoted(query, at)?,
            _ => match operator(&query[at..]) {
                Some(operator) => (TokenKind::Operator(operator), at + operator.sign().len()),
                None if *c == '!' => {
                    let sentence = "a single ! means nothing; write != or !~, or not before a condition";
                    return Err((at, at + 1, sentence.to_owned()));
                }
                None => {
                    let end =
                        query[at..].iter().position(|c| !is_bare_char(*c)).map_or(query.len(), |n| at + n);
                    (bare(query[at..end].iter().collect()), end)
                }
            },
        };
        tokens.push(Token { start: at, end, kind });
        at = end;
    }
    Ok(tokens)
}

/// Whether a value needs no quotes.
pub fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_bare_char) && matches!(bare(text.to_owned()), TokenKind::Bare(_))
}

fn is_bare_char(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | '!' | '=' | '<' | '>' | '~')
}

fn bare(word: String) -> TokenKind {
    match word.to_ascii_lowercase().as_str() {
        "and" => TokenKind::And,
        "or" => TokenKind::Or,
        "not" => TokenKind::Not,
        _ => TokenKind::Bare(word),
    }
}

fn operator(rest: &[char]) -> Option<Operator> {
    let begins = |sign: &str| sign.chars().zip(0..).all(|(c, i)| rest.get::<usize>(i) == Some(&c));
    Operator::ALL.into_iter().find(|operator| begins(operator.sign()))
}

fn quoted(query: &[char], start: usize) -> Result<(TokenKind, usize), LexFault> {
    let mut text = String::new();
    let mut at = start + 1;
    while let Some(c) = query.get(at) {
        at += 1;
        match c {
            '"' => return Ok((TokenKind::Quoted(text), at)),
            '\\' => {
                text.push(match query.get(at) {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some('t') => '\t',
                    Some(c @ ('"' | '\\')) => *c,
                    _ => {
                        let end = (at + 1).min(query.len());
                        return Err((at - 1, end, "in quotes, \\ stands before \" \\ n r or t".to_owned()));
                    }
                });
                at += 1;
            }
            c => text.push(*c),
        }
    }
    Err((start, query.len(), "the closing \" is missing".to_owned()))
}
