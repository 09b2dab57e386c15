//! The Python literals of an npy header: a dictionary of strings, booleans, tuples and lists.

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Literal {
    Text(String),
    Bool(bool),
    Number(usize),
    /// A tuple or a list.
    Sequence(Vec<Literal>),
    Dictionary(Vec<(String, Literal)>),
    None,
}

/// How deep values may be nested.
const MOST_DEPTH: usize = 16;

/// The value that makes up the whole text, or `None`.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut parser = Parser { rest: text };
    let value = parser.value(0)?;
    parser.space();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        if depth > MOST_DEPTH {
            return None;
        }
        self.space();
        match self.rest.chars().next()? {
            '{' => self.dictionary(depth),
            '(' => self.sequence("(", ")", depth),
            '[' => self.sequence("[", "]", depth),
            '\'' | '"' => self.text().map(Literal::Text),
            '0'..='9' => self.number(),
            _ if self.eat("True") => Some(Literal::Bool(true)),
            _ if self.eat("False") => Some(Literal::Bool(false)),
            _ if self.eat("None") => Some(Literal::None),
            _ => None,
        }
    }

    fn dictionary(&mut self, depth: usize) -> Option<Literal> {
        self.eat("{");
        let mut entries = Vec::new();
        while !self.eat("}") {
            self.space();
            let key = self.text()?;
            if !self.eat(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.eat(",") {
                return self.eat("}").then_some(Literal::Dictionary(entries));
            }
        }
        Some(Literal::Dictionary(entries))
    }

    fn sequence(&mut self, open: &str, close: &str, depth: usize) -> Option<Literal> {
        self.eat(open);
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth + 1)?);
            if !self.eat(",") {
                return self.eat(close).then_some(Literal::Sequence(items));
            }
        }
        Some(Literal::Sequence(items))
    }

    /// Text without escapes: no type and no key needs them.
    fn text(&mut self) -> Option<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.rest[1..].split_once(quote)?;
        self.rest = rest;
        Some(text.to_owned())
    }

    /// A whole number; Python 2 wrote an L after large ones.
    fn number(&mut self) -> Option<Literal> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let value = self.rest[..end].parse().ok()?;
        self.rest = self.rest[end..].strip_prefix('L').unwrap_or(&self.rest[end..]);
        Some(Literal::Number(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals() {
        let number = Literal::Number;
        assert_eq!(parse(" (3, 4L,) "), Some(Literal::Sequence(vec![number(3), number(4)])));
        assert_eq!(parse("()"), Some(Literal::Sequence(vec![])));
        assert_eq!(
            parse("{'a': None, \"b\": True,}").map(|d| matches!(d, Literal::Dictionary(e) if e.len() == 2)),
            Some(true)
        );
        for bad in ["", "(", "(3", "{'a' 3}", "{3: 4}", "'x", "-3", "3 3", "(,)", "99999999999999999999999", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(parse(&"(".repeat(100_000)), None);
    }
}
