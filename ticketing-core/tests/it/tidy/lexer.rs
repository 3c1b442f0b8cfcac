//! Rust source as a list of words, signs and texts, with comments gone: enough to read paths and literals.

/// A piece of source and its line, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub line: usize,
    pub kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A word: a name, a keyword, `_`, or a number.
    Word(String),
    /// A string literal, without its quotes, escapes as written.
    Text(String),
    /// One character of anything else.
    Sign(char),
}

impl Token {
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(it) if it == word)
    }

    pub fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// Cuts source into tokens. Source that does not compile gives tokens too, somehow.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { chars: source.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.at < lexer.chars.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn next(&mut self) -> char {
        let c = self.peek(0);
        self.line += usize::from(c == '\n');
        self.at += 1;
        c
    }

    fn done(&self) -> bool {
        self.at >= self.chars.len()
    }

    fn step(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                while !self.done() && self.peek(0) != '\n' {
                    self.next();
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => self.text(line),
            ('\'', c) => {
                // A character, unless a name follows that no quote closes: that is a lifetime.
                if c == '\\' || self.peek(2) == '\'' {
                    self.next();
                    while !self.done() {
                        match self.next() {
                            '\\' => _ = self.next(),
                            '\'' => break,
                            _ => {}
                        }
                    }
                } else {
                    self.next();
                }
            }
            (c, _) if c.is_alphanumeric() || c == '_' => self.word(line),
            (c, _) => {
                self.next();
                if !c.is_whitespace() {
                    self.tokens.push(Token { line, kind: Kind::Sign(c) });
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while !self.done() {
            match (self.next(), self.peek(0)) {
                ('/', '*') => {
                    self.next();
                    depth += 1;
                }
                ('*', '/') => {
                    self.next();
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                _ => {}
            }
        }
    }

    fn word(&mut self, line: usize) {
        let mut word = String::new();
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            word.push(self.next());
        }
        let prefix = matches!(word.as_str(), "r" | "b" | "br" | "c" | "cr");
        match self.peek(0) {
            '"' if prefix && word.contains('r') => self.raw_text(line, 0),
            '"' if prefix => self.text(line),
            '#' if prefix && word.contains('r') => {
                let hashes = (0..).take_while(|ahead| self.peek(*ahead) == '#').count();
                if self.peek(hashes) == '"' {
                    self.raw_text(line, hashes);
                } else {
                    self.next(); // r#name: the name comes next.
                }
            }
            _ => self.tokens.push(Token { line, kind: Kind::Word(word) }),
        }
    }

    fn text(&mut self, line: usize) {
        self.next();
        let mut text = String::new();
        while !self.done() {
            match self.next() {
                '"' => break,
                '\\' => {
                    text.push('\\');
                    text.push(self.next());
                }
                c => text.push(c),
            }
        }
        self.tokens.push(Token { line, kind: Kind::Text(text) });
    }

    fn raw_text(&mut self, line: usize, hashes: usize) {
        for _ in 0..=hashes {
            self.next();
        }
        let mut text = String::new();
        while !self.done() {
            let c = self.next();
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                for _ in 0..hashes {
                    self.next();
                }
                break;
            }
            text.push(c);
        }
        self.tokens.push(Token { line, kind: Kind::Text(text) });
    }
}

#[test]
fn comments_texts_and_lifetimes_are_told_apart() {
    let source = r###"// use crate::no;
/* "a /* b */ crate::no" */ let x: &'a str = "s \" // t"; '"' '\'' b'x' r#"q" "# r"\" 'b r#fn"###;
    let shown: Vec<String> = tokens(source)
        .into_iter()
        .map(|token| match token.kind {
            Kind::Word(word) => format!("{}:{word}", token.line),
            Kind::Text(text) => format!("<{text}>"),
            Kind::Sign(sign) => sign.to_string(),
        })
        .collect();
    assert_eq!(shown.join(" "), r#"2:let 2:x : & 2:a 2:str = <s \" // t> ; 2:b <q" > <\> 2:b 2:fn"#);
}
